import { sql } from 'kysely';
import type { Database } from '../../database.js';
import { rowStep } from '../row-step.js';
import type { Chunk, CleanupTask, Step } from '../task.js';

const START = { at: '-infinity', id: '00000000-0000-0000-0000-000000000000' } as const;

/** Removes old reports of cleanups, with what they say of each batch. */
export const purgeReports: CleanupTask<'PURGE_REPORTS'> = {
  name: 'PURGE_REPORTS',
  retention: {
    kind: 'days',
    least: ({ purge }) => purge.evidenceMinDays,
    standard: ({ purge }) => purge.reportRetentionDays,
  },
  kinds: ['rows'],
  steps: () => [withLinesFirst(rowStep({ table: 'purge_reports', endedAt: sql`t.finished_at` }))],
};

/** A report can have as many lines as there are batches: they go before it, in chunks of their own, and are not counted. */
function withLinesFirst(step: Step): Step {
  return {
    ...step,
    async purge(tx, chunk) {
      if (await removesAllLines(tx, chunk)) return await step.purge(tx, chunk);
      return { counts: {}, removed: 0, next: chunk.after ?? START };
    },
  };
}

async function removesAllLines(tx: Database, { cutoff, limit, after = START }: Chunk): Promise<boolean> {
  const { rows } = await sql<{ count: number }>`
    with doomed as materialized (
      select id from purge_reports
      where finished_at < ${cutoff}::timestamptz and (finished_at, id) > (${after.at}::timestamptz, ${after.id}::uuid)
      order by finished_at, id limit ${limit} for update skip locked
    ), gone as (
      delete from purge_report_batches where (report_id, batch_id) in (
        select line.report_id, line.batch_id
        from doomed join purge_report_batches line on line.report_id = doomed.id limit ${limit})
      returning 1
    )
    select count(*)::int as count from gone
  `.execute(tx);
  return (rows[0]?.count ?? 0) < limit;
}
