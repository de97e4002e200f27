import { sql } from 'kysely';
import { type Batch, type BatchRow, toBatch } from '../codes/batch.js';
import { batchColumns } from '../codes/batch-columns.js';
import type { Database } from '../database.js';
import { ConflictError, NotFoundError } from '../errors.js';
import type { EventSource } from '../events/event-source.js';
import { raise } from '../events/raise.js';
import { endReportWithin, insertReport } from './report-rows.js';
import { countedOnBatches, purgedEvents, reportLines } from './tasks/recovery-codes/batch-effects.js';

const WHOLE_BATCH = {
  task: 'RECOVERY_CODES',
  retentionDays: 0,
  maxDeletions: null,
  deleteEmptyBatches: true,
  trigger: 'MANUAL',
  isDryRun: false,
  useLogger: false,
  emailReport: 'NEVER',
} as const;

/**
 * Removes the codes of one batch at any age; its record stays, as PURGED. All in one transaction, with its report.
 * Repeating it changes nothing.
 * @throws NotFoundError, ConflictError while a code of it would be accepted
 */
export async function purgeBatch(
  db: Database,
  { batchId, source }: { readonly batchId: string; readonly source: EventSource },
): Promise<Batch> {
  return await db.transaction().execute(async (tx) => {
    const batch = await lockedBatch(tx, batchId);
    if (batch.status === 'PURGED') return batch;
    if (batch.remainingCount > 0) {
      throw new ConflictError('This batch has codes that work: delete the batch, or let it end, before purging it.');
    }
    const reportId = (await insertReport(tx, { ...WHOLE_BATCH, startedBy: source.actorId })) as string;
    const { codes, ...purged } = await purgeAll(tx, { batchId, reportId, source });
    const progress = { counts: { codes, batches: 1 }, total: codes };
    const { accountId } = purged;
    if (accountId !== null) await raise(tx, [], [{ topic: 'batch-changed', payload: { accountId, batchId } }]);
    await endReportWithin(tx, reportId, { status: 'SUCCEEDED', progress });
    return toBatch(purged);
  });
}

async function lockedBatch(tx: Database, batchId: string): Promise<Batch> {
  const { rows } = await sql<BatchRow>`
    select ${batchColumns('b')} from recovery_code_batches b where b.id = ${batchId} for no key update
  `.execute(tx);
  if (rows[0] === undefined) throw new NotFoundError('batch');
  return toBatch(rows[0]);
}

/** A batch whose rows are all gone already has none to count, and becomes PURGED all the same. */
async function purgeAll(
  tx: Database,
  { batchId, reportId, source }: { readonly batchId: string; readonly reportId: string; readonly source: EventSource },
): Promise<BatchRow & { codes: number }> {
  await sql`
    with gone as (
      delete from recovery_codes where batch_id = ${batchId} returning batch_id
    ), per as materialized (
      select ${batchId}::uuid as batch_id, count(*)::int as n from gone
    ), ${countedOnBatches(true)}, ${reportLines(reportId)}, ${purgedEvents(source)}
    select 1
  `.execute(tx);
  const { rows } = await sql<BatchRow & { codes: number }>`
    select ${batchColumns('b')}, line.purged_count as codes
    from recovery_code_batches b join purge_report_batches line on line.batch_id = b.id and line.report_id = ${reportId}
    where b.id = ${batchId}
  `.execute(tx);
  return rows[0] as BatchRow & { codes: number };
}
