import { requireAdmin } from '../access/rules.js';
import type { Origin, Viewer } from '../access/viewer.js';
import type { Schedules } from '../cleanup/schedules/schedules.js';
import type { Counts } from '../cleanup/task.js';
import type { Database } from '../database.js';
import { ConfirmationRequiredError } from '../errors.js';
import { type EventSource, sourceOf } from '../events/event-source.js';
import { raise } from '../events/raise.js';
import type { JobCounts, JobStore } from './job-store.js';

export type JobTarget = 'FAILED' | 'FINISHED' | 'SCHEDULED' | 'ALL';

export interface Flush {
  readonly target: JobTarget;
  /** Ignored in a dry run. */
  readonly confirm: boolean;
  readonly dryRun?: boolean | null | undefined;
}

export interface Flushed {
  readonly counts: Counts;
  readonly total: number;
  readonly isDryRun: boolean;
}

interface Parts {
  readonly jobs: JobStore;
  readonly schedules: Schedules;
}

/** What admins do with the job store; only jobs of our own are ever counted or touched. */
export class Jobs {
  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {}

  /** @throws JobsUnavailableError */
  async counts(viewer: Viewer): Promise<JobCounts> {
    requireAdmin(viewer);
    return await this.parts.jobs.counts();
  }

  /**
   * Removes one-off jobs that have ended, or every cleanup schedule; running jobs and those that wait never.
   * @throws ConfirmationRequiredError, JobsUnavailableError
   */
  async flush(viewer: Viewer, origin: Origin, { target, confirm, dryRun }: Flush): Promise<Flushed> {
    const source = sourceOf(requireAdmin(viewer), origin);
    if (dryRun === true) return await this.preview(target);
    if (!confirm) throw new ConfirmationRequiredError();
    return await this.remove(target, source);
  }

  /** What `remove` would remove. */
  async preview(target: JobTarget): Promise<Flushed> {
    return flushedOf(await this.#countsOf(target), true);
  }

  /** Removes it, for whoever may. */
  async remove(target: JobTarget, source: EventSource): Promise<Flushed> {
    const { jobs } = this.parts;
    const isWanted = (one: JobTarget) => target === one || target === 'ALL';
    const counts = {
      failed: isWanted('FAILED') ? await jobs.removeEnded('failed') : 0,
      finished: isWanted('FINISHED') ? await jobs.removeEnded('finished') : 0,
      scheduled: isWanted('SCHEDULED') ? await this.#removeSchedules(source) : 0,
    };
    const flushed = flushedOf(only(target, counts), false);
    const event = { ...source, action: 'JOBS_FLUSHED' as const, removedCount: flushed.total, reason: target };
    await raise(this.db, [event]);
    return flushed;
  }

  async #countsOf(target: JobTarget): Promise<Counts> {
    const { failed, finished, scheduled } = await this.parts.jobs.counts();
    return only(target, { failed, finished, scheduled });
  }

  async #removeSchedules(source: EventSource): Promise<number> {
    let removed = 0;
    for (const stored of await this.parts.jobs.schedules.list()) {
      if (await this.parts.schedules.remove(source, stored)) removed += 1;
    }
    return removed;
  }
}

const KINDS = {
  FAILED: ['failed'],
  FINISHED: ['finished'],
  SCHEDULED: ['scheduled'],
  ALL: ['failed', 'finished', 'scheduled'],
} as const;

function only(target: JobTarget, counts: { failed: number; finished: number; scheduled: number }): Counts {
  return Object.fromEntries(KINDS[target].map((kind) => [kind, counts[kind]]));
}

function flushedOf(counts: Counts, isDryRun: boolean): Flushed {
  return { counts, total: Object.values(counts).reduce((sum, count) => sum + count, 0), isDryRun };
}
