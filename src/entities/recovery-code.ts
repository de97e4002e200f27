import { defineEntity, p } from '@mikro-orm/core';
import { id, timestamp } from './columns.js';
import { RecoveryCodeBatchSchema } from './recovery-code-batch.js';

/** One look-up secret, kept only as a keyed hash. `endedAt` is the earliest of its ends, and what purging goes by. */
export const RecoveryCodeSchema = defineEntity({
  name: 'RecoveryCode',
  tableName: 'recovery_codes',
  properties: {
    id: id(),
    batchId: () => p.manyToOne(RecoveryCodeBatchSchema).mapToPk().fieldName('batch_id').deleteRule('restrict'),
    position: p.integer(),
    hash: p.blob().hidden().lazy(),
    status: p.text().default('ACTIVE'),
    expiresAt: timestamp().nullable(),
    usedAt: timestamp().nullable(),
    invalidatedAt: timestamp().nullable(),
    supersededAt: timestamp().nullable(),
    deletedAt: timestamp().nullable(),
    endedAt: timestamp()
      .nullable()
      .generated('(least(expires_at, used_at, invalidated_at, superseded_at, deleted_at)) stored'),
  },
  checks: [
    {
      name: 'recovery_codes_ended_has_its_time',
      expression: `case status when 'USED' then used_at is not null when 'INVALIDATED' then invalidated_at is not null when 'SUPERSEDED' then superseded_at is not null when 'PENDING_DELETION' then deleted_at is not null when 'EXPIRED' then expires_at is not null else true end`,
    },
    {
      name: 'recovery_codes_position_positive',
      expression: `position >= 1`,
    },
    {
      name: 'recovery_codes_status_known',
      expression: `status in ('ACTIVE', 'USED', 'INVALIDATED', 'EXPIRED', 'SUPERSEDED', 'PENDING_DELETION')`,
    },
    { name: 'recovery_codes_hash_length', expression: 'octet_length(hash) = 32' },
  ],
  uniques: [
    { name: 'recovery_codes_batch_id_hash_unique', properties: ['batchId', 'hash'] },
    { name: 'recovery_codes_batch_id_position_unique', properties: ['batchId', 'position'] },
  ],
  indexes: [
    // In the order in which they are purged. Without the codes that have no end yet, which are most: spending one adds an entry at the index's own end.
    {
      name: 'recovery_codes_ended_at_index',
      expression: `create index recovery_codes_ended_at_index on recovery_codes (ended_at, id) where ended_at is not null`,
    },
  ],
});
