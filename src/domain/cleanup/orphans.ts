import { sql } from 'kysely';
import type { Database } from '../database.js';
import { findReport } from './read-reports.js';
import { endReport } from './report-rows.js';
import { holdReport, holdTask, onOwnConnection } from './run-locks.js';

const DIED = 'The process that ran it died; the next run goes on where it ended.';
/** Longer than a job waits for a worker that is free. */
const FORGOTTEN_AFTER_SECONDS = 60;

/** Ends the runs of a task that nobody runs any more; for whoever holds the task. */
export async function interruptOrphans(own: Database, task: string): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    select id from purge_reports where status = 'RUNNING' and task = ${task}
  `.execute(own);
  for (const { id } of rows) await endReport(own, id, { status: 'INTERRUPTED', error: DIED });
  return rows.length;
}

/** Ends every run whose process died: its lock is free. Returns how many there were. */
export async function sweepOrphans(db: Database): Promise<number> {
  const { rows } = await sql<{ task: string }>`
    select distinct task from purge_reports where status = 'RUNNING'
  `.execute(db);
  let interrupted = 0;
  for (const { task } of rows) {
    interrupted += await onOwnConnection(db, async (own) =>
      (await holdTask(own, task)) ? await interruptOrphans(own, task) : 0,
    );
  }
  return interrupted;
}

/** Reports that have been waiting for so long that their job may be lost; whoever runs them finds out who else does. */
export async function forgottenReports(db: Database): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from purge_reports
    where status = 'QUEUED' and started_at < sparekey_now() - make_interval(secs => ${FORGOTTEN_AFTER_SECONDS})
    order by id limit 100
  `.execute(db);
  return rows.map(({ id }) => id);
}

/** Ends a report that waits still and that nobody deals with at the moment; leaves any other alone. */
export async function cancelWaiting(db: Database, id: string): Promise<void> {
  await onOwnConnection(db, async (own) => {
    const waiting = (await holdReport(own, id)) ? await findReport(own, id) : undefined;
    if (waiting?.status === 'QUEUED') await endReport(own, id, { status: 'CANCELLED' });
  });
}
