import type { FinishedJobs } from '../cleanup/finished-jobs.js';
import type { ScheduleState, StoredSchedule } from '../cleanup/schedules/schedule.js';
import type { Database } from '../database.js';

/**
 * The schedules, each the data of one job. What is given a transaction is part of it where the jobs lie in the same
 * database, and done at once where they do not. Every call may fail with JobsUnavailableError.
 */
export interface ScheduleStore {
  /** By name. */
  list(): Promise<readonly StoredSchedule[]>;
  find(ids: readonly string[]): Promise<readonly StoredSchedule[]>;
  /** False where another schedule has the name. */
  insert(tx: Database, state: ScheduleState): Promise<boolean>;
  /** Only if it is still at this revision. */
  replace(tx: Database, revision: number, state: ScheduleState): Promise<'replaced' | 'changed' | 'name taken'>;
  /** False where there is none. */
  remove(tx: Database, id: string): Promise<boolean>;
  /** Only if its next run is still the one that was due: whoever changed it meanwhile has the last word. */
  advance(id: string, run: DueRun): Promise<void>;
}

/** A regular run that has been seen to. */
export interface DueRun {
  readonly dueAt: Date;
  readonly ranAt: Date;
  /** Null: it was the last. */
  readonly nextRunAt: Date | null;
}

/** How many jobs of ours are in which state. Schedules are `scheduled`, whatever they do; the rest are one-off jobs. */
export interface JobCounts {
  readonly queued: number;
  readonly running: number;
  readonly failed: number;
  readonly finished: number;
  readonly scheduled: number;
}

/** One mail of one batch's codes. */
export interface CodeMailId {
  readonly batchId: string;
  readonly mailId: string;
}

/** Where jobs wait for workers. Jobs carry ids only. Every call may fail with JobsUnavailableError. */
export interface JobStore {
  readonly schedules: ScheduleStore;
  readonly finishedJobs: FinishedJobs;
  /** Names this very store, for as long as it exists. */
  identity(): Promise<string>;
  queueRun(reportId: string): Promise<void>;
  /** Whether a job for it waits or is at work. */
  isRunQueued(reportId: string): Promise<boolean>;
  queueReportMail(reportId: string): Promise<void>;
  queueCodeMail(mail: CodeMailId): Promise<void>;
  /** Tells workers that a schedule may be due soon. */
  wakeWorkers(): Promise<void>;
  counts(): Promise<JobCounts>;
  /** Removes one-off jobs that ended so. Returns how many. */
  removeEnded(how: 'failed' | 'finished'): Promise<number>;
}
