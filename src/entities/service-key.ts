import { defineEntity, p } from '@mikro-orm/core';
import { createdAt, id, timestamp } from './columns.js';

/** A host application's credential: it acts for the users of its realm. Stored as a hash. */
export const ServiceKeySchema = defineEntity({
  name: 'ServiceKey',
  tableName: 'service_keys',
  properties: {
    id: id(),
    name: p.text(),
    realm: p.text(),
    operations: p.array().columnType('text[]'),
    keyHash: p.blob().hidden().lazy(),
    createdAt: createdAt(),
    createdBy: p.uuid().nullable(),
    lastUsedAt: timestamp().nullable(),
    expiresAt: timestamp().nullable(),
    revokedAt: timestamp().nullable(),
  },
  checks: [
    { name: 'service_keys_key_hash_length', expression: `octet_length(key_hash) = 32` },
    {
      name: 'service_keys_operations_known',
      expression: `operations <@ array['ISSUE', 'VERIFY', 'READ'] and cardinality(operations) > 0`,
    },
  ],
  uniques: [{ name: 'service_keys_key_hash_unique', properties: ['keyHash'] }],
  indexes: [{ name: 'service_keys_created_at_index', properties: ['createdAt', 'id'] }],
});
