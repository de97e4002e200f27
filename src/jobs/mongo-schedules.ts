import { type Collection, MongoServerError } from 'mongodb';
import type { ScheduleData, ScheduleState, StoredSchedule } from '../domain/cleanup/schedules/schedule.js';
import type { DueRun, ScheduleStore } from '../domain/jobs/job-store.js';
import { SCHEDULE_JOB } from './job-names.js';

/** A job as the library stores it: what of it we look at. */
export interface JobDocument {
  readonly name: string;
  readonly type: string;
  readonly priority: number;
  readonly data: Partial<ScheduleData> & { readonly reportId?: string };
  readonly disabled: boolean | null;
  readonly nextRunAt: Date | null;
  readonly repeatInterval?: string;
  readonly lockedAt: Date | null;
  readonly lastRunAt: Date | null;
  readonly lastFinishedAt: Date | null;
  readonly failedAt: Date | null;
  readonly failCount: number | null;
  readonly failReason: string | null;
}

const DUPLICATE_KEY = 11_000;

/** Schedules as documents of the job library's collection. Transactions of PostgreSQL do not reach here. */
export class MongoSchedules implements ScheduleStore {
  constructor(private readonly jobs: () => Collection<JobDocument>) {}

  async list(): Promise<readonly StoredSchedule[]> {
    const documents = await this.jobs().find({ name: SCHEDULE_JOB }).sort({ 'data.name': 1 }).toArray();
    return documents.map(storedOf);
  }

  async find(ids: readonly string[]): Promise<readonly StoredSchedule[]> {
    const documents = await this.jobs()
      .find({ name: SCHEDULE_JOB, 'data.id': { $in: [...ids] } })
      .toArray();
    return documents.map(storedOf);
  }

  async insert(_tx: unknown, { data, isEnabled, nextRunAt }: ScheduleState): Promise<boolean> {
    const untouched = { lastRunAt: null, lastFinishedAt: null, failedAt: null, failCount: null, failReason: null };
    const job = { name: SCHEDULE_JOB, type: 'normal', priority: 0, lockedAt: null, ...untouched };
    return await isUnique(() => this.jobs().insertOne({ ...job, data, nextRunAt, disabled: !isEnabled }));
  }

  async replace(
    _tx: unknown,
    revision: number,
    { data, isEnabled, nextRunAt }: ScheduleState,
  ): Promise<'replaced' | 'changed' | 'name taken'> {
    let matched = 0;
    const filter = { name: SCHEDULE_JOB, 'data.id': data.id, 'data.revision': revision };
    const isFree = await isUnique(async () => {
      const change = { $set: { data, nextRunAt, disabled: !isEnabled } };
      ({ matchedCount: matched } = await this.jobs().updateOne(filter, change));
    });
    if (!isFree) return 'name taken';
    return matched > 0 ? 'replaced' : 'changed';
  }

  async remove(_tx: unknown, id: string): Promise<boolean> {
    const { deletedCount } = await this.jobs().deleteOne({ name: SCHEDULE_JOB, 'data.id': id });
    return deletedCount > 0;
  }

  async advance(id: string, { dueAt, ranAt, nextRunAt }: DueRun): Promise<void> {
    const filter = { name: SCHEDULE_JOB, 'data.id': id, nextRunAt: dueAt, disabled: false };
    await this.jobs().updateOne(filter, { $set: { nextRunAt, lastRunAt: ranAt, disabled: nextRunAt === null } });
  }
}

async function isUnique(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return false;
    throw error;
  }
}

function storedOf({ data, disabled, nextRunAt, lastRunAt }: JobDocument): StoredSchedule {
  const isEnabled = disabled !== true;
  return { data: data as ScheduleData, isEnabled, nextRunAt: isEnabled ? nextRunAt : null, lastRunAt };
}
