import { type RawBuilder, sql } from 'kysely';
import type { Counts } from './task.js';
import type { TaskName } from './registry.js';

export type ReportStatus =
  'QUEUED' | 'RUNNING' | 'SUCCEEDED' | 'PARTIAL' | 'FAILED' | 'INTERRUPTED' | 'CANCELLED' | 'SKIPPED';

export type ReportTrigger = 'SCHEDULE' | 'MANUAL' | 'CLI';

/** When a run's report is mailed to ADMIN_EMAIL. */
export type ReportMail = 'NEVER' | 'WHEN_DELETED' | 'ALWAYS';

export type EmailStatus = 'QUEUED' | 'SENT' | 'FAILED';

/** What one run did, or is doing. */
export interface Report {
  readonly id: string;
  /** Set when the run ends: its place in the order in which runs ended, as decimal digits. */
  readonly cursor: string | null;
  readonly task: TaskName;
  readonly status: ReportStatus;
  readonly trigger: ReportTrigger;
  readonly isDryRun: boolean;
  readonly scheduleId: string | null;
  readonly scheduleName: string | null;
  readonly startedBy: string | null;
  /** While QUEUED: when it was asked for. */
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly retentionDays: number | null;
  /** Null: unlimited. */
  readonly maxDeletions: number | null;
  readonly deleteEmptyBatches: boolean;
  readonly useLogger: boolean;
  readonly emailReport: ReportMail;
  readonly counts: Counts;
  /** Rows removed, or that would be. */
  readonly total: number;
  readonly eligible: number | null;
  readonly isCapped: boolean;
  readonly emailStatus: EmailStatus | null;
  readonly error: string | null;
}

/** What one run did to one batch. */
export interface ReportLine {
  readonly batchId: string;
  readonly accountId: string | null;
  readonly issuedCount: number;
  readonly usedCount: number;
  readonly purgedCount: number;
  readonly remainingRows: number;
  readonly isBatchPurged: boolean;
}

/** Whether the run is over, whichever way. */
export function hasEnded({ status }: Pick<Report, 'status'>): boolean {
  return status !== 'QUEUED' && status !== 'RUNNING';
}

/** The columns that make a `Report` of the table or common table expression with this name. */
export function reportColumns(from: string): RawBuilder<Report> {
  const t = sql.table(from);
  return sql`${t}.id, ${t}.cursor, ${t}.task, ${t}.status, ${t}.trigger, ${t}.is_dry_run, ${t}.schedule_id,
    ${t}.schedule_name, ${t}.started_by, ${t}.started_at, ${t}.finished_at, ${t}.retention_days, ${t}.max_deletions,
    ${t}.delete_empty_batches, ${t}.use_logger, ${t}.email_report, ${t}.counts, ${t}.total, ${t}.eligible,
    ${t}.is_capped, ${t}.email_status, ${t}.error`;
}
