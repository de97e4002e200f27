import type { TaskName } from '../registry.js';
import type { ReportMail } from '../report.js';
import type { ScheduleType } from './next-run.js';

/** What an admin said of a schedule; it is a job's data, and nothing else holds it. Plain JSON. */
export interface ScheduleData {
  readonly id: string;
  readonly name: string;
  readonly task: TaskName;
  readonly type: ScheduleType;
  readonly cron: string | null;
  readonly timeZone: string;
  /** ISO 8601 */
  readonly runAt: string;
  /** Null, here and below: as the settings say. */
  readonly retentionDays: number | null;
  readonly deleteEmptyBatches: boolean | null;
  readonly maxDeletionsPerRun: number | null;
  readonly useLogger: boolean | null;
  readonly emailReport: ReportMail;
  /** Grows by each change, so that of two changes at once the second is made again. */
  readonly revision: number;
}

/** A schedule with what its job knows beside it. */
export interface StoredSchedule {
  readonly data: ScheduleData;
  readonly isEnabled: boolean;
  /** Null while it is disabled. */
  readonly nextRunAt: Date | null;
  readonly lastRunAt: Date | null;
}

/** What of a stored schedule a change sets. */
export type ScheduleState = Pick<StoredSchedule, 'data' | 'isEnabled' | 'nextRunAt'>;
