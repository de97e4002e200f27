import { randomUUID } from 'node:crypto';
import type { Database } from '../database.js';
import { isDatabaseAway } from '../database-away.js';
import { signal } from '../signals.js';
import type { DomainSettings } from '../settings.js';
import { previewChore, runChore } from './chore-run.js';
import { cutoffOf } from './cutoff.js';
import { dryRun } from './dry-run.js';
import type { FinishedJobs } from './finished-jobs.js';
import { interruptOrphans } from './orphans.js';
import { purgeRun } from './purge-run.js';
import { findReport } from './read-reports.js';
import { taskOf } from './registry.js';
import type { Report } from './report.js';
import { beginReport, type Ending, endReport, RunLostError } from './report-rows.js';
import { holdReport, holdTask, isAlive, onOwnConnection } from './run-locks.js';
import { hindranceOf } from './run-parameters.js';
import { type RunEvents, Tally } from './tally.js';
import type { Chore, ChoreParts, Step } from './task.js';

/** Told of what runs do, for the log. */
export interface RunLog {
  /** A line of the detailed log that a run was asked to keep. */
  detail(line: Readonly<Record<string, unknown>>): void;
  /** What a report tells as an error id only. */
  fault(fault: { readonly errorId: string; readonly reportId: string; readonly error: unknown }): void;
}

export interface RunnerParts extends ChoreParts {
  readonly settings: DomainSettings;
  readonly finishedJobs: FinishedJobs;
  readonly log: RunLog;
  /** Called when a run has ended and the word of it waits in the outbox. */
  readonly ended: (report: Report) => void;
}

const BUSY = 'Another run of this task was in progress.';

/**
 * Runs what reports ask for. A run holds one connection of its own, with it the locks of its report and its task, and
 * removes rows in chunks of one short transaction each, which also adds to the report: wherever it dies, the report is
 * true, and the next run goes on.
 */
export class CleanupRunner {
  readonly #stopping = new AbortController();

  constructor(
    private readonly db: Database,
    private readonly parts: RunnerParts,
  ) {}

  /** Runs a QUEUED report to its end; does nothing where somebody else deals with it. Repeating it does no harm. */
  async run(reportId: string): Promise<void> {
    await onOwnConnection(this.db, async (own) => {
      try {
        const report = (await holdReport(own, reportId)) ? await findReport(own, reportId) : undefined;
        // One that is not begun stays QUEUED, for whoever is not about to stop.
        if (report?.status !== 'QUEUED' || this.#stopping.signal.aborted) return;
        await this.#end(own, report, await this.#outcomeOf(own, report));
      } catch (error) {
        if (!(error instanceof RunLostError)) throw error;
      }
    });
  }

  /** Runs end after the chunk that they are at; none begins. */
  stop(): void {
    this.#stopping.abort();
  }

  async #outcomeOf(own: Database, report: Report): Promise<Ending> {
    const hindrance = hindranceOf(report, this.parts.settings);
    if (hindrance !== undefined) return hindrance;
    if (!(await holdTask(own, report.task))) return { status: 'SKIPPED', error: BUSY };
    await interruptOrphans(own, report.task);
    const tally = new Tally(own, report, this.#eventsOf(own, report));
    try {
      return await this.#runHeld(own, report, tally);
    } catch (error) {
      // With the connection gone nothing can be said; whoever finds the lock free says it.
      if (error instanceof RunLostError || (isDatabaseAway(error) && !(await isAlive(own)))) throw error;
      return this.#failed(report, tally, error);
    }
  }

  async #runHeld(own: Database, report: Report, tally: Tally): Promise<Ending> {
    const { retention, steps: stepsOf, chore: choreOf } = taskOf(report.task);
    const { finishedJobs, settings, log } = this.parts;
    const steps = stepsOf({ deleteEmptyBatches: report.deleteEmptyBatches, finishedJobs });
    const cutoff = await cutoffOf(own, retention, report.retentionDays);
    const eligible = await eligibleOf(own, steps, cutoff);
    if (await beginReport(own, report.id, { eligible, counts: tally.counts })) return { status: 'CANCELLED' };
    if (report.useLogger) log.detail({ ...about(report), event: 'began', cutoff, eligible });
    if (choreOf !== undefined) return await this.#runChore(report, tally, choreOf(this.parts));
    const run = { own, steps, cutoff, tally, reportId: report.id };
    return report.isDryRun
      ? await dryRun(run)
      : await purgeRun({ ...run, ...settings.purge, stopping: this.#stopping.signal });
  }

  async #runChore({ isDryRun }: Report, tally: Tally, chore: Chore): Promise<Ending> {
    return isDryRun ? await previewChore(chore) : await runChore({ chore, tally, stopping: this.#stopping.signal });
  }

  #failed(report: Report, tally: Tally, error: unknown): Ending {
    const errorId = randomUUID();
    this.parts.log.fault({ errorId, reportId: report.id, error });
    const status = tally.total > 0 ? 'PARTIAL' : 'FAILED';
    return { status, error: `It failed on the way; the log has more under error ${errorId}.` };
  }

  #eventsOf(own: Database, report: Report): RunEvents {
    return {
      progressed: () => signal(own, 'sparekey_purge_progressed', [report.id]),
      batchesChanged: (ids) => signal(own, 'sparekey_batch_changed', ids),
      chunk: (line) => {
        if (report.useLogger) this.parts.log.detail({ ...about(report), event: 'chunk', ...line });
      },
    };
  }

  async #end(own: Database, report: Report, ending: Ending): Promise<void> {
    const ended = await endReport(own, report.id, ending);
    if (ended === undefined) return;
    this.parts.ended(ended);
    if (!ended.useLogger) return;
    const { status, counts, total, isCapped, error } = ended;
    this.parts.log.detail({ ...about(ended), event: 'ended', status, counts, total, isCapped, error });
  }
}

async function eligibleOf(own: Database, steps: readonly Step[], cutoff: string): Promise<number | null> {
  let sum = 0;
  for (const step of steps) {
    const estimate = await step.estimate(own, cutoff);
    if (estimate === null) return null;
    sum += estimate;
  }
  return sum;
}

function about({ id, task, scheduleName }: Report): Readonly<Record<string, unknown>> {
  return { reportId: id, task, schedule: scheduleName ?? undefined };
}
