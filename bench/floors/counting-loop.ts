import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { chunkOf, deleteChunks } from './delete-loop.ts';

/**
 * The same loop, of one statement and one commit a chunk still, that leaves what a run has to leave: each batch's count
 * and, with its last code, its status, a line of the report and an audit event; and how far the run has come.
 */
function countingChunk(size: number, reportId: string): string {
  return `
    with ${chunkOf(size)}, gone as (
      delete from recovery_codes where ctid = any(array(select ctid from chunk)) returning batch_id
    ), per as materialized (
      select batch_id, count(*)::int as n from gone group by batch_id
    ), changed as (
      update recovery_code_batches b set purged_count = purged_count + n, updated_at = now(),
        status = case when purged_count + n = issued_count then 'PURGED' else status end,
        purged_at = case when purged_count + n = issued_count then now() end
      from per where b.id = batch_id
      returning b.id, b.account_id, b.issued_count, b.used_count, b.purged_count, b.status, n
    ), lines as (
      insert into purge_report_batches as line
        (report_id, batch_id, account_id, issued_count, used_count, purged_count, remaining_rows, is_batch_purged)
      select '${reportId}', id, account_id, issued_count, used_count, n, issued_count - purged_count, status = 'PURGED'
      from changed
      on conflict (report_id, batch_id) do update set purged_count = line.purged_count + excluded.purged_count,
        remaining_rows = excluded.remaining_rows, is_batch_purged = excluded.is_batch_purged
    ), audited as (
      insert into audit_events (id, action, account_id, batch_id, removed_count, issued_count)
      select uuidv7(), 'BATCH_PURGED', account_id, id, n, issued_count from changed where status = 'PURGED'
    ), noted as (
      update purge_reports set total = total + (select count(*) from gone) where id = '${reportId}'
    )
    select ended_at::text as at, id, (select count(*)::int from chunk) as count
    from chunk order by ended_at desc, id desc limit 1`;
}

/** Removes what ended before the default retention, and counts it. @returns how many rows */
export async function deleteAndCountInChunks(client: pg.Client, chunkSize: number): Promise<number> {
  const reportId = randomUUID();
  await client.query(
    `insert into purge_reports (id, task, status, trigger) values ($1, 'RECOVERY_CODES', 'RUNNING', 'MANUAL')`,
    [reportId],
  );
  return await deleteChunks(client, chunkSize, countingChunk(chunkSize, reportId));
}
