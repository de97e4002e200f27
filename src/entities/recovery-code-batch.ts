import { defineEntity, p } from '@mikro-orm/core';
import { AccountSchema } from './account.js';
import { createdAt, id, timestamp } from './columns.js';

/**
 * Codes issued together. The row is the history: it survives the purge of its codes with its final counts.
 * Always issued = used + invalidated + removed + remaining + lapsed (superseded or expired); remaining is what is left
 * of that sum. `status` is what was stored last: an ACTIVE batch whose `expiresAt` has passed reads as EXPIRED.
 */
export const RecoveryCodeBatchSchema = defineEntity({
  name: 'RecoveryCodeBatch',
  tableName: 'recovery_code_batches',
  properties: {
    id: id(),
    accountId: () => p.manyToOne(AccountSchema).mapToPk().fieldName('account_id').deleteRule('set null').nullable(),
    number: p.integer(),
    status: p.text().default('ACTIVE'),
    createdAt: createdAt(),
    updatedAt: createdAt(),
    expiresAt: timestamp().nullable(),
    issuedCount: p.integer(),
    usedCount: p.integer().default(0),
    invalidatedCount: p.integer().default(0),
    removedCount: p.integer().default(0),
    lapsedCount: p.integer().default(0),
    viewedAt: timestamp().nullable(),
    exportedAt: timestamp().nullable(),
    emailedAt: timestamp().nullable(),
    deletedAt: timestamp().nullable(),
    deletedBy: () => p.manyToOne(AccountSchema).mapToPk().fieldName('deleted_by').deleteRule('set null').nullable(),
    purgedAt: timestamp().nullable(),
    /** How many of its codes' rows a cleanup has removed; nothing else removes any. */
    purgedCount: p.integer().default(0),
    /** When its last row went, while it is not PURGED. */
    emptiedAt: timestamp().nullable(),
    salt: p.blob().hidden().lazy(),
    pepperKeyId: p.text(),
    hashMemoryKib: p.integer(),
    hashPasses: p.integer(),
  },
  checks: [
    {
      name: 'recovery_code_batches_active_has_some_left',
      expression: `status <> 'ACTIVE' or issued_count > used_count + invalidated_count + removed_count + lapsed_count`,
    },
    {
      name: 'recovery_code_batches_number_positive',
      expression: `number >= 1`,
    },
    {
      name: 'recovery_code_batches_salt_length',
      expression: `octet_length(salt) = 16`,
    },
    {
      name: 'recovery_code_batches_status_known',
      expression: `status in ('ACTIVE', 'EXHAUSTED', 'EXPIRED', 'SUPERSEDED', 'PENDING_DELETION', 'PURGED')`,
    },
    {
      name: 'recovery_code_batches_purged_has_no_rows',
      expression: `purged_count >= 0 and purged_count <= issued_count and (status <> 'PURGED' or purged_count = issued_count)`,
    },
    {
      name: 'recovery_code_batches_counts_add_up',
      expression:
        'least(used_count, invalidated_count, removed_count, lapsed_count) >= 0 and issued_count >= used_count + invalidated_count + removed_count + lapsed_count',
    },
    {
      name: 'recovery_code_batches_ended_has_nothing_left',
      expression: `status = 'ACTIVE' or issued_count = used_count + invalidated_count + removed_count + lapsed_count`,
    },
  ],
  uniques: [{ name: 'recovery_code_batches_account_id_number_unique', properties: ['accountId', 'number'] }],
  indexes: [
    {
      name: 'recovery_code_batches_one_active_an_account',
      expression: `create unique index recovery_code_batches_one_active_an_account on recovery_code_batches (account_id) where status = 'ACTIVE'`,
    },
    {
      name: 'recovery_code_batches_active_hash_parameters',
      expression: `create index recovery_code_batches_active_hash_parameters on recovery_code_batches (hash_memory_kib, hash_passes) where status = 'ACTIVE'`,
    },
    {
      name: 'recovery_code_batches_active_pepper_key',
      expression: `create index recovery_code_batches_active_pepper_key on recovery_code_batches (pepper_key_id) where status = 'ACTIVE'`,
    },
    {
      name: 'recovery_code_batches_expires_at_index',
      expression: `create index recovery_code_batches_expires_at_index on recovery_code_batches (expires_at, id) where status = 'ACTIVE' and expires_at is not null`,
    },
    {
      name: 'recovery_code_batches_emptied_at_index',
      expression: `create index recovery_code_batches_emptied_at_index on recovery_code_batches (emptied_at, id) where emptied_at is not null`,
    },
    {
      name: 'recovery_code_batches_purged_at_index',
      expression: `create index recovery_code_batches_purged_at_index on recovery_code_batches (purged_at, id) where purged_at is not null`,
    },
    { name: 'recovery_code_batches_deleted_by_index', properties: ['deletedBy'] },
  ],
});
