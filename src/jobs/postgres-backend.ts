import { PostgresBackend } from '@agendajs/postgres-backend';
import type { AgendaBackend, JobParameters } from 'agenda';
import { sql } from 'kysely';
import type { Pool } from 'pg';
import type { Database } from '../domain/database.js';
import type { JobCounts } from '../domain/jobs/job-store.js';
import type { JobBackend } from './job-backend.js';
import { ONE_OFF_JOBS, RUN_JOB, SCHEDULE_JOB } from './job-names.js';
import { PostgresSchedules } from './postgres-schedules.js';

const oneOff = sql`name = any(${[...ONE_OFF_JOBS]}::text[])`;
const isOver = sql`${oneOff} and locked_at is null and next_run_at is null`;
const hasFailed = sql`failed_at is not null and failed_at >= coalesce(last_finished_at, failed_at)`;

/** Jobs in PostgreSQL, beside everything else. */
export class PostgresJobs implements JobBackend {
  readonly answersWithinMs = undefined;
  readonly schedules: PostgresSchedules;
  readonly finishedJobs = { remove: removeFinished, count: (range: Ended) => countFinished(this.db, range) };

  constructor(
    private readonly db: Database,
    private readonly pool: Pool,
  ) {
    this.schedules = new PostgresSchedules(db);
  }

  async connect(): Promise<void> {
    await sql`select 1`.execute(this.db);
  }

  agendaBackend(): AgendaBackend {
    // Its tables are made by our migration, and word of jobs goes by our own signals.
    return new PostgresBackend({ pool: this.pool, ensureSchema: false, disableNotifications: true });
  }

  async ensureDaily(name: string): Promise<void> {
    await sql`
      insert into agenda_jobs (name, type, next_run_at, repeat_interval) values (${name}, 'single', now(), '1 day')
      on conflict do nothing
    `.execute(this.db);
  }

  identity(): Promise<string> {
    return Promise.resolve('postgresql');
  }

  async isRunQueued(reportId: string): Promise<boolean> {
    const { rows } = await sql<{ id: string }>`
      select id from agenda_jobs where name = ${RUN_JOB} and data->>'reportId' = ${reportId}
        and (locked_at is not null or next_run_at is not null) limit 1
    `.execute(this.db);
    return rows.length > 0;
  }

  async counts(): Promise<JobCounts> {
    const { rows } = await sql<JobCounts>`
      select count(*) filter (where name = ${SCHEDULE_JOB})::int as scheduled,
        count(*) filter (where ${oneOff} and locked_at is not null)::int as running,
        count(*) filter (where ${oneOff} and locked_at is null and next_run_at is not null)::int as queued,
        count(*) filter (where ${isOver} and ${hasFailed})::int as failed,
        count(*) filter (where ${isOver} and not (${hasFailed}))::int as finished
      from agenda_jobs where name = ${SCHEDULE_JOB} or ${oneOff}
    `.execute(this.db);
    return rows[0] as JobCounts;
  }

  async removeEnded(how: 'failed' | 'finished'): Promise<number> {
    const { numAffectedRows } = await sql`
      delete from agenda_jobs where ${isOver} and ${how === 'failed' ? hasFailed : sql`not (${hasFailed})`}
    `.execute(this.db);
    return Number(numAffectedRows ?? 0);
  }

  async saveState(job: JobParameters): Promise<void> {
    await sql`
      update agenda_jobs set locked_at = ${job.lockedAt ?? null}, last_finished_at = ${job.lastFinishedAt ?? null}, failed_at = ${job.failedAt ?? null},
        fail_count = ${job.failCount ?? null}, fail_reason = ${job.failReason ?? null}
      where id = ${String(job._id)}::uuid
    `.execute(this.db);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

interface Ended {
  readonly cutoff: Date;
  readonly limit: number;
}

async function removeFinished(tx: Database, { cutoff, limit }: Ended): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from agenda_jobs where id = any(array(
      select id from agenda_jobs where ${isOver} and last_finished_at < ${cutoff}
      order by last_finished_at, id limit ${limit} for update skip locked))
  `.execute(tx);
  return Number(numAffectedRows ?? 0);
}

async function countFinished(db: Database, { cutoff, limit }: Ended): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from (
      select 1 from agenda_jobs where ${isOver} and last_finished_at < ${cutoff} limit ${limit}) ended
  `.execute(db);
  return rows[0]?.count ?? 0;
}
