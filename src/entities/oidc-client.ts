import { defineEntity, p } from '@mikro-orm/core';
import { createdAt, id, timestamp } from './columns.js';

/** A trusted issuer, with the last good set of its signing keys: a failed fetch never overwrites it. */
export const OidcClientSchema = defineEntity({
  name: 'OidcClient',
  tableName: 'oidc_clients',
  properties: {
    id: id(),
    name: p.text(),
    issuer: p.text(),
    audience: p.text(),
    /** Where its keys are; by discovery where `isDiscovered`. */
    jwksUri: p.text(),
    isDiscovered: p.boolean(),
    acceptIdTokens: p.boolean(),
    isEnabled: p.boolean(),
    createdAt: createdAt(),
    updatedAt: createdAt(),
    /** The public keys, as a JSON Web Key Set. */
    jwks: p.json().nullable(),
    keysFetchedAt: timestamp().nullable(),
    /** When somebody last tried, with whatever end. */
    fetchTriedAt: timestamp().nullable(),
    /** A fixed phrase and an error id. */
    lastError: p.text().nullable(),
  },
  uniques: [
    { name: 'oidc_clients_issuer_unique', properties: ['issuer'] },
    { name: 'oidc_clients_name_unique', properties: ['name'] },
  ],
});
