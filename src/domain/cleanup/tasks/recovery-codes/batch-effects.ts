import { type RawBuilder, sql } from 'kysely';
import { codesLeft } from '../../../codes/batch-columns.js';
import type { EventSource } from '../../../events/event-source.js';
import { raisedWithin } from '../../../events/raised-within.js';

/**
 * `changed`: what the rows that `per` counts by batch were of, with them counted. One whose last row went is PURGED, or
 * noted as empty where that was not wanted. An expired batch that was stored as ACTIVE becomes EXPIRED by it.
 */
export function countedOnBatches(marksEmpty: boolean): RawBuilder<unknown> {
  const isEmpty = sql`b.purged_count + per.n = b.issued_count`;
  const isLapsing = sql`b.status = 'ACTIVE' and b.expires_at <= sparekey_now()`;
  const becomesPurged = marksEmpty ? isEmpty : sql`false`;
  return sql`changed as (
    update recovery_code_batches b set purged_count = b.purged_count + per.n, updated_at = sparekey_now(),
      lapsed_count = case when ${isLapsing} then b.lapsed_count + ${codesLeft('b')} else b.lapsed_count end,
      status = case when ${becomesPurged} then 'PURGED' when ${isLapsing} then 'EXPIRED' else b.status end,
      purged_at = case when ${becomesPurged} then sparekey_now() else b.purged_at end,
      emptied_at = case when ${isEmpty} and not (${becomesPurged}) then sparekey_now() end
    from per where b.id = per.batch_id
    returning b.id, b.account_id, b.issued_count, b.used_count, b.purged_count, b.status, per.n
  )`;
}

/** A report's line for each of `changed`; a later chunk of the same run adds to it. */
export function reportLines(reportId: string): RawBuilder<unknown> {
  return sql`lines as (
    insert into purge_report_batches as line
      (report_id, batch_id, account_id, issued_count, used_count, purged_count, remaining_rows, is_batch_purged)
    select ${reportId}::uuid, id, account_id, issued_count, used_count, n, issued_count - purged_count, status = 'PURGED'
    from changed
    on conflict (report_id, batch_id) do update set purged_count = line.purged_count + excluded.purged_count,
      remaining_rows = excluded.remaining_rows, is_batch_purged = excluded.is_batch_purged
  )`;
}

/** An audit event for each of `changed` that became PURGED, by whoever asked for it by hand. */
export function purgedEvents(source: EventSource = {}): RawBuilder<unknown> {
  return raisedWithin(source, {
    action: 'BATCH_PURGED',
    from: sql`changed where status = 'PURGED'`,
    facts: { accountId: sql`account_id`, batchId: sql`id`, removedCount: sql`n`, issuedCount: sql`issued_count` },
    isMany: true,
  });
}
