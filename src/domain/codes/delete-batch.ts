import { sql } from 'kysely';
import type { Database } from '../database.js';
import { ConflictError, NotFoundError } from '../errors.js';
import type { EventSource } from '../events/event-source.js';
import { raise } from '../events/raise.js';
import { type Batch, type BatchRow, toBatch } from './batch.js';
import { batchColumns, codesLeft } from './batch-columns.js';
import { wipeCopy } from '../copies/code-copies.js';

export interface DeleteBatch {
  readonly batchId: string;
  /** Only a batch of this account; undefined: of any (an admin's doing). */
  readonly ownerId: string | undefined;
  readonly deletedBy: string;
  readonly source: EventSource;
}

/**
 * Marks a batch and its codes for deletion, in the given transaction. Usable codes become PENDING_DELETION and count as
 * removed; the others keep their status (an expired one's is stored now). A repeat changes nothing.
 * @throws NotFoundError for an unknown or another's batch, ConflictError for a purged one.
 */
export async function deleteBatch(tx: Database, { batchId, ownerId, deletedBy, source }: DeleteBatch): Promise<Batch> {
  const { rows } = await sql<BatchRow>`
    select ${batchColumns('b')} from recovery_code_batches b
    where b.id = ${batchId} and (${ownerId ?? null}::uuid is null or b.account_id = ${ownerId ?? null}::uuid)
    for no key update
  `.execute(tx);
  const [found] = rows;
  if (found === undefined) throw new NotFoundError('batch');
  const before = toBatch(found);
  if (before.status === 'PURGED') throw new ConflictError('This batch was purged: only its record is left.');
  if (before.status === 'PENDING_DELETION') return before;
  const after = await markForDeletion(tx, before, deletedBy);
  await wipeCopy(tx, batchId);
  const { accountId } = after;
  const event = { accountId, batchId, removedCount: before.remainingCount };
  await raise(tx, [{ ...source, action: 'BATCH_MARKED_FOR_DELETION', ...event }]);
  return after;
}

/** The same for the batch of an account whose codes still work, if any. */
export async function deleteActiveBatch(
  tx: Database,
  { accountId, ...by }: Pick<DeleteBatch, 'deletedBy' | 'source'> & { readonly accountId: string },
): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    select id from recovery_code_batches where account_id = ${accountId} and status = 'ACTIVE'
  `.execute(tx);
  for (const { id: batchId } of rows) await deleteBatch(tx, { ...by, batchId, ownerId: accountId });
}

async function markForDeletion(tx: Database, batch: Batch, deletedBy: string): Promise<Batch> {
  const lapses = batch.status === 'EXPIRED';
  const codeStatus = lapses ? 'EXPIRED' : 'PENDING_DELETION';
  const { rows } = await sql<BatchRow>`
    with codes as (
      update recovery_codes set deleted_at = coalesce(deleted_at, sparekey_now()),
        status = case when status = 'ACTIVE' then ${codeStatus} else status end
      where batch_id = ${batch.id}
    )
    update recovery_code_batches b set status = 'PENDING_DELETION', deleted_at = sparekey_now(),
      deleted_by = ${deletedBy}, updated_at = sparekey_now(),
      removed_count = b.removed_count + case when ${lapses}::boolean then 0 else ${codesLeft('b')} end,
      lapsed_count = b.lapsed_count + case when ${lapses}::boolean then ${codesLeft('b')} else 0 end
    where b.id = ${batch.id} returning ${batchColumns('b')}
  `.execute(tx);
  return toBatch(rows[0] as BatchRow);
}
