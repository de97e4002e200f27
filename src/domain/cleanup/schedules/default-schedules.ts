import { sql } from 'kysely';
import { v7 as newId } from 'uuid';
import type { Database } from '../../database.js';
import type { JobStore } from '../../jobs/job-store.js';
import { type TaskName, taskNames } from '../registry.js';
import { nextRun } from './next-run.js';
import { timingOf } from './parse-schedule.js';
import type { ScheduleData, ScheduleState } from './schedule.js';

/** Any number that no other program takes in this database; processes that start together make one set of defaults. */
const DEFAULTS_LOCK = 7_277_337;
/** What is history or evidence is removed only where somebody decides so. */
const DISABLED: readonly TaskName[] = ['BATCH_HISTORY', 'AUDIT_EVENTS'];
/** At night, one after the other. */
const FIRST_HOUR_UTC = 3;
const MINUTES_APART = 3;

/**
 * Gives a job store a daily schedule for each task, once for ever: which were given is recorded in PostgreSQL, so that a
 * deleted one stays deleted, and a task that a later release brings gets its own. Returns how many were made.
 */
export async function ensureDefaultSchedules(db: Database, jobs: JobStore): Promise<number> {
  const store = await jobs.identity();
  return await db.transaction().execute(async (tx) => {
    await sql`select pg_advisory_xact_lock(${DEFAULTS_LOCK})`.execute(tx);
    const { rows } = await sql<{ task: string }>`select task from default_schedules where store = ${store}`.execute(tx);
    const given = new Set(rows.map(({ task }) => task));
    const missing = taskNames.filter((task) => !given.has(task));
    for (const task of missing) {
      // A name that is taken is an admin's own, or was made by a start that died before it could record it.
      await jobs.schedules.insert(tx, defaultOf(task));
      await sql`insert into default_schedules (store, task) values (${store}, ${task})`.execute(tx);
    }
    return missing.length;
  });
}

function defaultOf(task: TaskName): ScheduleState {
  const now = new Date();
  const runAt = new Date(now);
  runAt.setUTCHours(FIRST_HOUR_UTC, taskNames.indexOf(task) * MINUTES_APART, 0, 0);
  const data: ScheduleData = {
    id: newId(),
    name: `Daily ${task.toLowerCase().replaceAll('_', ' ')}`,
    task,
    type: 'DAILY',
    cron: null,
    timeZone: 'UTC',
    runAt: runAt.toISOString(),
    retentionDays: null,
    deleteEmptyBatches: null,
    maxDeletionsPerRun: null,
    useLogger: null,
    emailReport: 'NEVER',
    revision: 1,
  };
  const isEnabled = !DISABLED.includes(task);
  return { data, isEnabled, nextRunAt: isEnabled ? nextRun(timingOf(data), now) : null };
}
