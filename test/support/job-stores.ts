import { MongoClient } from 'mongodb';
import { randomBytes } from 'node:crypto';
import type { TestDatabase } from './database.js';
import { type MongoTestServer, startMongoServer } from './mongo-server/launch.js';

/** A job as it lies in its store. */
export interface StoredJob {
  readonly name: string;
  readonly disabled: boolean;
  readonly nextRunAt: Date | null;
  readonly lockedAt: Date | null;
  readonly data: Readonly<Record<string, any>>;
}

export interface NewJob {
  readonly name: string;
  readonly data?: object;
  readonly nextRunAt?: Date | null;
  readonly lockedAt?: Date | null;
  readonly failedAt?: Date | null;
  readonly lastFinishedAt?: Date | null;
}

/** Where the app under test keeps its jobs, looked into from beside it. */
export interface JobStoreView {
  /** What makes an app keep its jobs there. */
  readonly settings: Readonly<Record<string, string>>;
  /** Every job, whoever made it. */
  jobs(): Promise<StoredJob[]>;
  /** Changes the job of a schedule by hand. */
  change(scheduleId: string, to: { nextRunAt?: Date; lockedAt?: Date }): Promise<void>;
  /** The same with what lies in its data. */
  changeData(scheduleId: string, to: object): Promise<void>;
  add(job: NewJob): Promise<void>;
}

/** One of the two kinds of store; each database gets a store of its own. */
export interface JobStores {
  viewOf(database: TestDatabase): JobStoreView;
  close(): Promise<void>;
}

export type OpenJobStores = () => Promise<JobStores>;

export const openPostgresStores: OpenJobStores = async () => ({
  viewOf: postgresView,
  close: async () => undefined,
});

function postgresView({ rows }: TestDatabase): JobStoreView {
  return {
    settings: {},
    jobs: async () =>
      await rows<StoredJob>(
        'select name, disabled, next_run_at as "nextRunAt", locked_at as "lockedAt", data from agenda_jobs order by id',
      ),
    async change(scheduleId, { nextRunAt, lockedAt }) {
      const changed = await rows(
        `update agenda_jobs set next_run_at = coalesce($2, next_run_at), locked_at = coalesce($3, locked_at)
         where name = 'cleanup' and data->>'id' = $1 returning 1`,
        [scheduleId, nextRunAt ?? null, lockedAt ?? null],
      );
      if (changed.length !== 1) throw new Error('This schedule has no job.');
    },
    async changeData(scheduleId, to) {
      await rows(`update agenda_jobs set data = data || $2 where name = 'cleanup' and data->>'id' = $1`, [
        scheduleId,
        to,
      ]);
    },
    async add({ name, data = {}, nextRunAt = null, lockedAt = null, failedAt = null, lastFinishedAt = null }) {
      await rows(
        `insert into agenda_jobs (name, data, next_run_at, locked_at, failed_at, last_finished_at)
         values ($1, $2, $3, $4, $5, $6)`,
        [name, data, nextRunAt, lockedAt, failedAt, lastFinishedAt],
      );
    },
  };
}

/** Says once what it runs on. */
export const openMongoStores: OpenJobStores = async () => {
  const server = await startMongoServer();
  console.log(`These jobs are kept by ${server.engine}.`);
  const clients: MongoClient[] = [];
  return {
    viewOf: () => mongoView(server, clients),
    close: async () => {
      await Promise.all(clients.map((client) => client.close()));
      await server.stop();
    },
  };
};

function mongoView(server: MongoTestServer, clients: MongoClient[]): JobStoreView {
  const url = server.url(`sparekey_${randomBytes(6).toString('hex')}`);
  const client = new MongoClient(url);
  clients.push(client);
  const jobs = client.db().collection<StoredJob>('agendaJobs');
  return {
    settings: { MONGODB_URL: url },
    jobs: async () => (await jobs.find().toArray()).map((job) => ({ ...job, lockedAt: job.lockedAt ?? null })),
    async change(scheduleId, to) {
      const { matchedCount } = await jobs.updateOne({ name: 'cleanup', 'data.id': scheduleId }, { $set: to });
      if (matchedCount !== 1) throw new Error('This schedule has no job.');
    },
    async changeData(scheduleId, to) {
      const $set = Object.fromEntries(Object.entries(to).map(([key, value]) => [`data.${key}`, value]));
      await jobs.updateOne({ name: 'cleanup', 'data.id': scheduleId }, { $set });
    },
    async add({ name, data = {}, ...times }) {
      const empty = { nextRunAt: null, lockedAt: null, failedAt: null, lastFinishedAt: null };
      await jobs.insertOne({ ...empty, ...times, name, data, type: 'normal', priority: 0, disabled: false } as never);
    },
  };
}
