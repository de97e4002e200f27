import { defineEntity, p } from '@mikro-orm/core';
import { createdAt, id, timestamp } from './columns.js';

/**
 * A person whose codes Sparekey keeps. `origin` says who vouches for them: LOCAL, `issuer:<iss>` or `service:<realm>`;
 * every look-up carries it.
 */
export const AccountSchema = defineEntity({
  name: 'Account',
  tableName: 'accounts',
  properties: {
    id: id(),
    origin: p.text().default('LOCAL'),
    externalId: p.text().nullable(),
    email: p.text().nullable(),
    /** The address in the form in which addresses are compared: NFKC, lower case. */
    emailKey: p.text().nullable(),
    role: p.text().default('USER'),
    passwordHash: p.text().nullable().hidden().lazy(),
    emailVerifiedAt: timestamp().nullable(),
    createdAt: createdAt(),
    lastSignedInAt: timestamp().nullable(),
    setupVerifiedAt: timestamp().nullable(),
  },
  checks: [
    { name: 'accounts_role_known', expression: `role in ('USER', 'ADMIN')` },
    { name: 'accounts_admin_is_local', expression: `role = 'USER' or origin = 'LOCAL'` },
    {
      name: 'accounts_email_is_local',
      expression: `(origin = 'LOCAL') = (email is not null) and (email is null) = (email_key is null)`,
    },
    { name: 'accounts_external_id_is_foreign', expression: `(origin = 'LOCAL') = (external_id is null)` },
  ],
  uniques: [
    { name: 'accounts_email_key_unique', properties: ['emailKey'] },
    { name: 'accounts_origin_external_id_unique', properties: ['origin', 'externalId'] },
  ],
  indexes: [
    { name: 'accounts_created_at_index', properties: ['createdAt', 'id'] },
    {
      name: 'accounts_search_index',
      expression: `create index accounts_search_index on accounts (coalesce(email_key, lower(external_id)) text_pattern_ops, id)`,
    },
    {
      name: 'accounts_unverified_index',
      expression: `create index accounts_unverified_index on accounts (created_at, id) where email_verified_at is null`,
    },
  ],
});
