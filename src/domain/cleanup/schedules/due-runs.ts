import type { Database } from '../../database.js';
import type { JobStore } from '../../jobs/job-store.js';
import type { DomainSettings } from '../../settings.js';
import { insertReport, type NewReport } from '../report-rows.js';
import { parametersOf } from '../run-parameters.js';
import { nextRun } from './next-run.js';
import { timingOf } from './parse-schedule.js';
import type { StoredSchedule } from './schedule.js';

interface Parts {
  readonly settings: DomainSettings;
  readonly jobs: JobStore;
}

/**
 * Turns a due time of a schedule into a report, once, and sets the next time. Returns the report that is to be run;
 * undefined where the schedule is not due any more, or somebody else has seen to this due time. What was missed while
 * nobody worked is one run: the next time is the first after now.
 */
export async function takeDueRun(db: Database, { settings, jobs }: Parts, id: string): Promise<string | undefined> {
  const now = new Date();
  const [schedule] = await jobs.schedules.find([id]);
  if (!schedule?.isEnabled || schedule.nextRunAt === null || schedule.nextRunAt > now) return undefined;
  const { nextRunAt: dueAt } = schedule;
  const report = newReportOf(schedule, settings, { trigger: 'SCHEDULE', dueAt });
  const reportId = await insertReport(db, report);
  await jobs.schedules.advance(id, { dueAt, ranAt: now, nextRunAt: nextRun(timingOf(schedule.data), now) });
  return reportId;
}

/** What a run of the schedule goes by. */
export function newReportOf(
  { data }: Pick<StoredSchedule, 'data'>,
  settings: DomainSettings,
  of: { readonly trigger: 'SCHEDULE' | 'MANUAL'; readonly dueAt?: Date; readonly startedBy?: string },
): NewReport {
  return {
    ...parametersOf(data, settings),
    trigger: of.trigger,
    isDryRun: false,
    useLogger: data.useLogger ?? settings.purge.useLogger,
    emailReport: data.emailReport,
    startedBy: of.startedBy,
    schedule: { id: data.id, name: data.name, dueAt: of.dueAt },
  };
}
