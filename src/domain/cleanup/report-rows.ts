import { type RawBuilder, sql } from 'kysely';
import { v7 as newId } from 'uuid';
import type { Database } from '../database.js';
import { raise } from '../events/raise.js';
import { type Report, reportColumns, type ReportMail, type ReportStatus, type ReportTrigger } from './report.js';
import type { RunParameters } from './run-parameters.js';
import type { Counts } from './task.js';

/** Any number that no other program takes in this database: whoever ends a run waits for whoever else does. */
const CURSOR_LOCK = 7_277_336;

export interface NewReport extends RunParameters {
  readonly trigger: ReportTrigger;
  readonly isDryRun: boolean;
  readonly useLogger: boolean;
  readonly emailReport: ReportMail;
  readonly startedBy?: string | undefined;
  /** Of the schedule whose run it is; `dueAt` where it is a regular one. */
  readonly schedule?: { readonly id: string; readonly name: string; readonly dueAt?: Date | undefined } | undefined;
}

/** Writes a QUEUED report; undefined where this due time of the schedule has one already. */
export async function insertReport(db: Database, report: NewReport): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    insert into purge_reports (id, task, trigger, is_dry_run, schedule_id, schedule_name, due_at, started_by,
      retention_days, max_deletions, delete_empty_batches, use_logger, email_report)
    values (${newId()}, ${report.task}, ${report.trigger}, ${report.isDryRun}, ${scheduleValues(report)},
      ${report.startedBy ?? null}, ${report.retentionDays}, ${report.maxDeletions}, ${report.deleteEmptyBatches},
      ${report.useLogger}, ${report.emailReport})
    on conflict (schedule_id, due_at) do nothing returning id
  `.execute(db);
  return rows[0]?.id;
}

function scheduleValues({ schedule }: NewReport): RawBuilder<unknown> {
  if (schedule === undefined) return sql`null, null, null`;
  return sql`${schedule.id}, ${schedule.name}, ${schedule.dueAt ?? null}`;
}

/** Takes back a report whose run nobody could be asked for. */
export async function withdrawReport(db: Database, id: string): Promise<void> {
  await sql`delete from purge_reports where id = ${id} and status = 'QUEUED'`.execute(db);
}

/** Notes that the run has begun, with nothing removed. Says whether it was cancelled before. @throws RunLostError */
export async function beginReport(
  db: Database,
  id: string,
  { eligible, counts }: { readonly eligible: number | null; readonly counts: Counts },
): Promise<boolean> {
  const { rows } = await sql<{ isCancelled: boolean }>`
    update purge_reports set status = 'RUNNING', started_at = sparekey_now(), eligible = ${eligible},
      counts = ${JSON.stringify(counts)}::jsonb
    where id = ${id} and status = 'QUEUED' returning cancel_requested_at is not null as is_cancelled
  `.execute(db);
  if (rows[0] === undefined) throw new RunLostError();
  return rows[0].isCancelled;
}

export interface Progress {
  readonly counts: Counts;
  readonly total: number;
}

/** The run is not ours any more: somebody found its lock free and has ended its report. */
export class RunLostError extends Error {}

/** Adds a chunk to its report, in the chunk's own transaction. Says whether the run was cancelled. @throws RunLostError */
export async function noteProgress(tx: Database, id: string, { counts, total }: Progress): Promise<boolean> {
  const { rows } = await sql<{ isCancelled: boolean }>`
    update purge_reports set counts = ${JSON.stringify(counts)}::jsonb, total = ${total}
    where id = ${id} and status = 'RUNNING' returning cancel_requested_at is not null as is_cancelled
  `.execute(tx);
  const [row] = rows;
  if (row === undefined) throw new RunLostError();
  return row.isCancelled;
}

export interface Ending {
  readonly status: Exclude<ReportStatus, 'QUEUED' | 'RUNNING'>;
  readonly error?: string | undefined;
  readonly isCapped?: boolean;
  /** Where nothing was noted before, as in a dry run. */
  readonly progress?: Progress;
}

/**
 * Ends a run: draws its place in the order of ends, and writes its audit event and the word of it, in one transaction.
 * Undefined where it has ended before.
 */
export async function endReport(db: Database, id: string, ending: Ending): Promise<Report | undefined> {
  return await db.transaction().execute((tx) => endReportWithin(tx, id, ending));
}

/** The same as the last thing that a transaction does. */
export async function endReportWithin(tx: Database, id: string, ending: Ending): Promise<Report | undefined> {
  await sql`select pg_advisory_xact_lock(${CURSOR_LOCK})`.execute(tx);
  const report = await storeEnding(tx, id, ending);
  if (report === undefined) return undefined;
  const { startedBy, task, status, total: removedCount } = report;
  const event = { action: 'CLEANUP_RUN', actorId: startedBy ?? undefined, removedCount } as const;
  await raise(
    tx,
    [{ ...event, reason: `${task} ${status}${report.isDryRun ? ' (dry run)' : ''}` }],
    [{ topic: 'purge-reported', payload: { reportId: id } }],
  );
  return report;
}

const NOTED = { counts: sql`r.counts`, total: sql`r.total` };

async function storeEnding(tx: Database, id: string, ending: Ending): Promise<Report | undefined> {
  const { status, error = null, isCapped = false, progress } = ending;
  const { counts, total } =
    progress === undefined
      ? NOTED
      : { counts: sql`${JSON.stringify(progress.counts)}::jsonb`, total: sql`${progress.total}::int` };
  const { rows } = await sql<Report>`
    update purge_reports r set status = ${status}, finished_at = greatest(sparekey_now(), started_at),
      cursor = nextval('purge_report_cursors'), error = ${error}, is_capped = ${isCapped},
      counts = ${counts}, total = ${total},
      email_status = case when email_report = 'ALWAYS' or (email_report = 'WHEN_DELETED' and not is_dry_run
        and ${total} > 0) then 'QUEUED' end
    where id = ${id} and status in ('QUEUED', 'RUNNING') returning ${reportColumns('r')}
  `.execute(tx);
  return rows[0];
}
