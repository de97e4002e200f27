import { sql } from 'kysely';
import { brokenUnique } from '../domain/broken-unique.js';
import type { ScheduleData, ScheduleState, StoredSchedule } from '../domain/cleanup/schedules/schedule.js';
import type { Database } from '../domain/database.js';
import type { DueRun, ScheduleStore } from '../domain/jobs/job-store.js';
import { SCHEDULE_JOB } from './job-names.js';

interface Row {
  readonly data: ScheduleData;
  readonly disabled: boolean;
  readonly nextRunAt: Date | null;
  readonly lastRunAt: Date | null;
}

const isSchedule = sql`name = ${SCHEDULE_JOB}`;

/** Schedules as rows of the job library's table. */
export class PostgresSchedules implements ScheduleStore {
  constructor(private readonly db: Database) {}

  async list(): Promise<readonly StoredSchedule[]> {
    const { rows } = await sql<Row>`
      select data, disabled, next_run_at, last_run_at from agenda_jobs where ${isSchedule} order by data->>'name' collate "C"
    `.execute(this.db);
    return rows.map(storedOf);
  }

  async find(ids: readonly string[]): Promise<readonly StoredSchedule[]> {
    const { rows } = await sql<Row>`
      select data, disabled, next_run_at, last_run_at from agenda_jobs
      where name = 'cleanup' and data->>'id' = any(${[...ids]}::text[])
    `.execute(this.db);
    return rows.map(storedOf);
  }

  async insert(tx: Database, { data, isEnabled, nextRunAt }: ScheduleState): Promise<boolean> {
    const { rows } = await sql<{ id: string }>`
      insert into agenda_jobs (name, type, priority, data, next_run_at, disabled)
      values (${SCHEDULE_JOB}, 'normal', 0, ${JSON.stringify(data)}::jsonb, ${nextRunAt}, ${!isEnabled})
      on conflict do nothing returning id
    `.execute(tx);
    return rows.length > 0;
  }

  async replace(
    tx: Database,
    revision: number,
    { data, isEnabled, nextRunAt }: ScheduleState,
  ): Promise<'replaced' | 'changed' | 'name taken'> {
    try {
      const { rows } = await sql<{ id: string }>`
        update agenda_jobs set data = ${JSON.stringify(data)}::jsonb, next_run_at = ${nextRunAt}, disabled = ${!isEnabled}
        where name = 'cleanup' and data->>'id' = ${data.id} and (data->>'revision')::int = ${revision} returning id
      `.execute(tx);
      return rows.length > 0 ? 'replaced' : 'changed';
    } catch (error) {
      if (brokenUnique(error) !== undefined) return 'name taken';
      throw error;
    }
  }

  async remove(tx: Database, id: string): Promise<boolean> {
    const { rows } = await sql<{ id: string }>`
      delete from agenda_jobs where name = 'cleanup' and data->>'id' = ${id} returning id
    `.execute(tx);
    return rows.length > 0;
  }

  async advance(id: string, { dueAt, ranAt, nextRunAt }: DueRun): Promise<void> {
    await sql`
      update agenda_jobs set next_run_at = ${nextRunAt}, last_run_at = ${ranAt}, disabled = ${nextRunAt === null}
      where name = 'cleanup' and data->>'id' = ${id} and next_run_at = ${dueAt} and not disabled
    `.execute(this.db);
  }
}

function storedOf({ data, disabled, nextRunAt, lastRunAt }: Row): StoredSchedule {
  return { data, isEnabled: !disabled, nextRunAt: disabled ? null : nextRunAt, lastRunAt };
}
