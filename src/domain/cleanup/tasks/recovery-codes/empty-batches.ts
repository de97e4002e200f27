import { sql } from 'kysely';
import type { Database } from '../../../database.js';
import type { Chunk, Removed, Step } from '../../task.js';
import { purgedEvents, reportLines } from './batch-effects.js';

/** Batches that an earlier run left without rows and was not to mark: they become PURGED. */
export const emptyBatchStep: Step = {
  isUncapped: true,
  purge: markEmpty,
  preview: async (db) => {
    const { rows } = await sql<{ count: number }>`
      select count(*)::int as count from recovery_code_batches
      where emptied_at is not null and status <> 'PURGED'
    `.execute(db);
    return { batches: rows[0]?.count ?? 0 };
  },
  estimate: () => Promise.resolve(0),
};

async function markEmpty(tx: Database, { limit, reportId }: Chunk): Promise<Removed> {
  const { rows } = await sql<{ batches: number; batchIds: readonly string[] | null }>`
    with held as materialized (
      select id from recovery_code_batches where emptied_at is not null
      order by emptied_at, id limit ${limit} for no key update skip locked
    ), changed as (
      update recovery_code_batches b set status = 'PURGED', purged_at = sparekey_now(), emptied_at = null,
        updated_at = sparekey_now()
      where b.id = any(array(select id from held))
      returning b.id, b.account_id, b.issued_count, b.used_count, b.purged_count, b.status, 0 as n
    ), ${reportLines(reportId)}, ${purgedEvents()}
    select count(*)::int as batches, array_agg(id::text) as batch_ids from changed
  `.execute(tx);
  const { batches, batchIds } = rows[0] as { batches: number; batchIds: readonly string[] | null };
  return {
    counts: { batches },
    removed: 0,
    next: batches < limit ? undefined : { at: '', id: '' },
    batchIds: batchIds ?? [],
  };
}
