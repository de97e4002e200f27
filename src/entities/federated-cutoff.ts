import { defineEntity, p } from '@mikro-orm/core';
import { timestamp } from './columns.js';

/** A subject whose account was deleted: tokens issued before this moment do not bring it back. */
export const FederatedCutoffSchema = defineEntity({
  name: 'FederatedCutoff',
  tableName: 'federated_cutoffs',
  properties: {
    origin: p.text().primary(),
    externalId: p.text().primary(),
    notBefore: timestamp(),
  },
});
