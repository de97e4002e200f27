import { MongoBackend } from '@agendajs/mongo-backend';
import type { AgendaBackend, JobParameters } from 'agenda';
import { type Collection, type Filter, MongoClient, ObjectId } from 'mongodb';
import { v7 as newId } from 'uuid';
import type { JobCounts } from '../domain/jobs/job-store.js';
import type { JobBackend } from './job-backend.js';
import { ONE_OFF_JOBS, RUN_JOB, SCHEDULE_JOB } from './job-names.js';
import { type JobDocument, MongoSchedules } from './mongo-schedules.js';

/** Long enough for a new primary, short enough for somebody who waits. */
const FOUND_WITHIN_MS = 4_000;
/** A line that is dead without a word; longer than removing a chunk of jobs takes. */
const DEAD_AFTER_MS = 16_000;
const JOBS = 'agendaJobs';
const ABOUT = 'sparekeyStore';
const DEFAULT_DATABASE = 'sparekey';

const oneOff: Filter<JobDocument> = { name: { $in: [...ONE_OFF_JOBS] } };
const isOver: Filter<JobDocument> = { ...oneOff, lockedAt: null, nextRunAt: null };

interface Ended {
  readonly cutoff: Date;
  readonly limit: number;
}

/** Jobs in a MongoDB of their own. */
export class MongoJobs implements JobBackend {
  readonly answersWithinMs = 5_000;
  readonly schedules: MongoSchedules;
  readonly finishedJobs = {
    remove: (_tx: unknown, range: Ended) => this.#removeFinished(range),
    count: (range: Ended) => this.#countFinished(range),
  };
  readonly #client: MongoClient;
  readonly #databaseName: string;

  constructor(url: string) {
    const timeouts = { serverSelectionTimeoutMS: FOUND_WITHIN_MS, connectTimeoutMS: FOUND_WITHIN_MS };
    // Asked, not streamed: on a line that went dead and came back, the driver's stream of news can wait for ever.
    const watch = { serverMonitoringMode: 'poll', heartbeatFrequencyMS: FOUND_WITHIN_MS } as const;
    this.#client = new MongoClient(url, { ...timeouts, ...watch, socketTimeoutMS: DEAD_AFTER_MS, appName: 'sparekey' });
    this.#databaseName = /^[^/]+\/\/[^/]+\/([^?]+)/.exec(url)?.[1] ?? DEFAULT_DATABASE;
    this.schedules = new MongoSchedules(() => this.#jobs);
  }

  async connect(): Promise<void> {
    await this.#client.connect();
    // What the library leaves to chance, indexes decide: a schedule has one job, and one name.
    await this.#jobs.createIndexes([
      { key: { 'data.id': 1 }, name: 'scheduleId', unique: true, partialFilterExpression: { name: SCHEDULE_JOB } },
      { key: { 'data.name': 1 }, name: 'scheduleName', unique: true, partialFilterExpression: { name: SCHEDULE_JOB } },
      { key: { name: 1, type: 1 }, name: 'singleJob', unique: true, partialFilterExpression: { type: 'single' } },
      { key: { name: 1, lastFinishedAt: 1 }, name: 'finishedJobs' },
    ]);
  }

  agendaBackend(): AgendaBackend {
    return new MongoBackend({ mongo: this.#client.db(this.#databaseName), collection: JOBS });
  }

  async ensureDaily(name: string): Promise<void> {
    const $setOnInsert = {
      priority: 0,
      data: {},
      disabled: false,
      nextRunAt: new Date(),
      repeatInterval: '1 day',
      lockedAt: null,
    };
    await this.#jobs.updateOne({ name, type: 'single' }, { $setOnInsert }, { upsert: true });
  }

  /** An id that the database itself holds, since its address may change. */
  async identity(): Promise<string> {
    const about = this.#client.db(this.#databaseName).collection<{ _id: string; id: string }>(ABOUT);
    const change = { $setOnInsert: { id: newId() } };
    const found = await about.findOneAndUpdate({ _id: 'store' }, change, { upsert: true, returnDocument: 'after' });
    return `mongodb/${found?.id}`;
  }

  async isRunQueued(reportId: string): Promise<boolean> {
    const isOpen = { $or: [{ lockedAt: { $ne: null } }, { nextRunAt: { $ne: null } }] };
    return (await this.#jobs.findOne({ name: RUN_JOB, 'data.reportId': reportId, ...isOpen })) !== null;
  }

  async counts(): Promise<JobCounts> {
    const [scheduled, running, queued, failed, finished] = await Promise.all([
      this.#jobs.countDocuments({ name: SCHEDULE_JOB }),
      this.#jobs.countDocuments({ ...oneOff, lockedAt: { $ne: null } }),
      this.#jobs.countDocuments({ ...oneOff, lockedAt: null, nextRunAt: { $ne: null } }),
      this.#jobs.countDocuments(endedFilter('failed')),
      this.#jobs.countDocuments(endedFilter('finished')),
    ]);
    return { scheduled, running, queued, failed, finished };
  }

  async removeEnded(how: 'failed' | 'finished'): Promise<number> {
    const { deletedCount } = await this.#jobs.deleteMany(endedFilter(how));
    return deletedCount;
  }

  async saveState(job: JobParameters): Promise<void> {
    const $set = {
      lockedAt: job.lockedAt ?? null,
      lastFinishedAt: job.lastFinishedAt ?? null,
      failedAt: job.failedAt ?? null,
      failCount: job.failCount ?? null,
      failReason: job.failReason ?? null,
    };
    await this.#jobs.updateOne({ _id: new ObjectId(String(job._id)) }, { $set });
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  get #jobs(): Collection<JobDocument> {
    return this.#client.db(this.#databaseName).collection<JobDocument>(JOBS);
  }

  async #removeFinished({ cutoff, limit }: Ended): Promise<number> {
    const filter = { ...isOver, lastFinishedAt: { $lt: cutoff } };
    const oldest = this.#jobs
      .find(filter, { projection: { _id: 1 } })
      .sort({ lastFinishedAt: 1 })
      .limit(limit);
    const ids = (await oldest.toArray()).map(({ _id }) => _id);
    const { deletedCount } = await this.#jobs.deleteMany({ ...filter, _id: { $in: ids } });
    return deletedCount;
  }

  async #countFinished({ cutoff, limit }: Ended): Promise<number> {
    return await this.#jobs.countDocuments({ ...isOver, lastFinishedAt: { $lt: cutoff } }, { limit });
  }
}

/** A job that fails ends at the same moment; one that ends well later keeps the time of its last failure. */
function endedFilter(how: 'failed' | 'finished'): Filter<JobDocument> {
  const hasFailed: Filter<JobDocument> = {
    failedAt: { $ne: null },
    $expr: { $gte: ['$failedAt', '$lastFinishedAt'] },
  };
  return how === 'failed' ? { ...isOver, ...hasFailed } : { ...isOver, $nor: [hasFailed] };
}
