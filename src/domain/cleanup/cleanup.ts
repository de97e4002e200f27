import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { requireAdmin } from '../access/rules.js';
import type { Origin, Viewer } from '../access/viewer.js';
import type { Batch } from '../codes/batch.js';
import type { Database } from '../database.js';
import { ConfirmationRequiredError, NotFoundError } from '../errors.js';
import { type EventSource, sourceOf } from '../events/event-source.js';
import { raise } from '../events/raise.js';
import { isId } from '../ids.js';
import type { JobStore } from '../jobs/job-store.js';
import { DEFAULT_PAGE, type Page, pageOf, parseIdPage, type PageRequest } from '../paging.js';
import type { DomainSettings } from '../settings.js';
import { cancelWaiting } from './orphans.js';
import { purgeBatch } from './purge-batch.js';
import { findReport, pageOfReports, type ReportFilter } from './read-reports.js';
import { hasEnded, type Report } from './report.js';
import { namesNothing, ReportPages } from './report-pages.js';
import { insertReport, type NewReport, withdrawReport } from './report-rows.js';
import { checkChoices, parametersOf, type RunChoices } from './run-parameters.js';
import { newReportOf } from './schedules/due-runs.js';

export interface RunInput extends RunChoices {
  readonly dryRun?: boolean | null | undefined;
}

interface Parts {
  readonly settings: DomainSettings;
  readonly jobs: JobStore;
}

/** How long whoever asks for a run waits for its end. */
const WAIT_MS = 5_000;
const LOOK_AGAIN_MS = [20, 50, 100, 200];

/** What admins do with cleanups and read of them. Every method of its own checks first who asks. */
export class Cleanup {
  readonly pages: ReportPages;

  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {
    this.pages = new ReportPages(db);
  }

  /**
   * Asks a worker for a run. Answers when it ends or after 5 s, with the report as it stands.
   * @throws BadUserInputError, JobsUnavailableError; after either nothing is left of it
   */
  async run(viewer: Viewer, input: RunInput): Promise<Report> {
    const { accountId } = requireAdmin(viewer);
    const { settings } = this.parts;
    checkChoices(input, settings);
    return await this.#queue({
      ...parametersOf(input, settings),
      trigger: 'MANUAL',
      isDryRun: input.dryRun ?? false,
      useLogger: settings.purge.useLogger,
      emailReport: 'NEVER',
      startedBy: accountId,
    });
  }

  /** Runs a schedule now, enabled or not; its next regular run stays. @throws NotFoundError, JobsUnavailableError */
  async runSchedule(viewer: Viewer, scheduleId: string): Promise<Report> {
    const { accountId: startedBy } = requireAdmin(viewer);
    const [schedule] = isId(scheduleId) ? await this.parts.jobs.schedules.find([scheduleId]) : [];
    if (schedule === undefined) throw new NotFoundError('schedule');
    return await this.#queue(newReportOf(schedule, this.parts.settings, { trigger: 'MANUAL', startedBy }));
  }

  /** Ends a run after the chunk that it is at; one that has ended stays as it is. @throws NotFoundError */
  async cancel(viewer: Viewer, origin: Origin, reportId: string): Promise<Report> {
    const admin = requireAdmin(viewer);
    const report = isId(reportId) ? await this.#askToCancel(reportId, sourceOf(admin, origin)) : undefined;
    if (report === undefined) throw new NotFoundError('purge report');
    // One that nobody has begun ends here and now.
    await cancelWaiting(this.db, reportId);
    return await this.#awaitEnd(reportId);
  }

  /** Purges one batch's codes now, at any age. @throws ConfirmationRequiredError, NotFoundError, ConflictError */
  async purgeBatch(viewer: Viewer, origin: Origin, input: { batchId: string; confirm: boolean }): Promise<Batch> {
    const admin = requireAdmin(viewer);
    if (!input.confirm) throw new ConfirmationRequiredError();
    if (!isId(input.batchId)) throw new NotFoundError('batch');
    return await purgeBatch(this.db, { batchId: input.batchId, source: sourceOf(admin, origin) });
  }

  async report(viewer: Viewer, id: string): Promise<Report | undefined> {
    requireAdmin(viewer);
    return isId(id) ? await findReport(this.db, id) : undefined;
  }

  /** Newest first. @throws BadUserInputError */
  async reports(viewer: Viewer, filter: ReportFilter, request: PageRequest): Promise<Page<Report>> {
    requireAdmin(viewer);
    const slice = parseIdPage(request, DEFAULT_PAGE);
    return pageOf(namesNothing(filter) ? [] : await pageOfReports(this.db, filter, slice), slice.limit);
  }

  async #queue(report: NewReport): Promise<Report> {
    const id = (await insertReport(this.db, report)) as string;
    try {
      await this.parts.jobs.queueRun(id);
    } catch (error) {
      await withdrawReport(this.db, id);
      throw error;
    }
    return await this.#awaitEnd(id);
  }

  async #askToCancel(id: string, source: EventSource): Promise<Report | undefined> {
    return await this.db.transaction().execute(async (tx) => {
      const { rows } = await sql<{ task: string }>`
        update purge_reports set cancel_requested_at = sparekey_now()
        where id = ${id} and status in ('QUEUED', 'RUNNING') and cancel_requested_at is null returning task
      `.execute(tx);
      const [asked] = rows;
      const event = { ...source, action: 'CLEANUP_RUN' as const, reason: `${asked?.task}: cancelling was asked for` };
      if (asked !== undefined) await raise(tx, [event]);
      return await findReport(tx, id);
    });
  }

  async #awaitEnd(id: string): Promise<Report> {
    const until = performance.now() + WAIT_MS;
    for (let looked = 0; ; looked += 1) {
      const report = await findReport(this.db, id);
      // Purged meanwhile, which takes a week at least.
      if (report === undefined) throw new NotFoundError('purge report');
      if (hasEnded(report) || performance.now() > until) return report;
      await delay(LOOK_AGAIN_MS[looked] ?? LOOK_AGAIN_MS.at(-1));
    }
  }
}
