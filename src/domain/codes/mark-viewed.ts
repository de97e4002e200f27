import { sql } from 'kysely';
import type { Database } from '../database.js';
import type { EventSource } from '../events/event-source.js';
import { raise } from '../events/raise.js';
import { type Batch, type BatchRow, toBatch } from './batch.js';
import { batchColumns } from './batch-columns.js';
import { findBatch } from './read-batches.js';

export interface MarkViewed {
  readonly batchId: string;
  readonly ownerId: string;
  readonly source: EventSource;
}

/** Sets `viewedAt` if it is not set yet; undefined for an unknown or another's batch. */
export async function markViewed(tx: Database, { batchId, ownerId, source }: MarkViewed): Promise<Batch | undefined> {
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
  await raise(tx, [{ ...source, action: 'CODES_VIEWED', accountId: ownerId, batchId }]);
  return toBatch(marked);
}
