import type { AgendaBackend, JobParameters } from 'agenda';
import type { FinishedJobs } from '../domain/cleanup/finished-jobs.js';
import type { JobCounts, ScheduleStore } from '../domain/jobs/job-store.js';

/** One of the two stores that jobs can lie in: what the job library needs of it, and what it cannot do itself. */
export interface JobBackend {
  /** After what time a store that does not answer somebody counts as away; undefined: as the database does elsewhere. */
  readonly answersWithinMs: number | undefined;
  readonly schedules: ScheduleStore;
  readonly finishedJobs: FinishedJobs;
  /** Resolves once the store answers and has its indexes; rejects where it is away. Repeating it does no harm. */
  connect(): Promise<void>;
  /** For the job library, once connected. */
  agendaBackend(): AgendaBackend;
  /** Makes the one job of this name, due now and then each day; where there is one, nothing changes. */
  ensureDaily(name: string): Promise<void>;
  identity(): Promise<string>;
  isRunQueued(reportId: string): Promise<boolean>;
  counts(): Promise<JobCounts>;
  removeEnded(how: 'failed' | 'finished'): Promise<number>;
  /** What the job library notes of a schedule's job, all but its last and next run: those are ours to set. */
  saveState(job: JobParameters): Promise<void>;
  close(): Promise<void>;
}
