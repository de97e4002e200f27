import { sql } from 'kysely';
import type { Database } from '../database.js';
import { type AuditDraft, recordEvents } from '../events/record-events.js';
import { type Batch, type BatchRow, toBatch } from './batch.js';
import { batchColumns } from './batch-columns.js';
import { findBatch } from './read-batches.js';

export interface MarkViewed {
  readonly batchId: string;
  readonly ownerId: string;
  readonly audit: AuditDraft;
}

/** Sets `viewedAt` if it is not set yet; undefined for an unknown or another's batch. */
export async function markViewed(tx: Database, { batchId, ownerId, audit }: MarkViewed): Promise<Batch | undefined> {
  const { rows } = await sql<BatchRow>`
    update recovery_code_batches b set viewed_at = sparekey_now(), updated_at = sparekey_now()
    where b.id = ${batchId} and b.account_id = ${ownerId} and b.viewed_at is null
    returning ${batchColumns('b')}
  `.execute(tx);
  const [marked] = rows;
  if (marked === undefined) {
    const batch = await findBatch(tx, batchId);
    return batch?.accountId === ownerId ? batch : undefined;
  }
  await recordEvents(
    tx,
    [{ ...audit, action: 'CODES_VIEWED', accountId: ownerId, batchId }],
    [{ topic: 'batch-changed', payload: { accountId: ownerId, batchId } }],
  );
  return toBatch(marked);
}
