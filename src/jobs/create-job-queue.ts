import type { Pool } from 'pg';
import type { Config } from '../config/config.js';
import type { JobBackend } from './job-backend.js';
import { JobQueue, type JobQueueParts } from './job-queue.js';
import { PostgresJobs } from './postgres-backend.js';

interface Parts extends Omit<JobQueueParts, 'backend'> {
  readonly pool: Pool;
  readonly stores: Pick<Config['stores'], 'mongodbUrl'>;
}

/** The one place that chooses where jobs lie: in MongoDB where MONGODB_URL is set, else in PostgreSQL. */
export async function createJobQueue({ pool, stores, ...parts }: Parts): Promise<JobQueue> {
  const backend: JobBackend =
    stores.mongodbUrl === undefined
      ? new PostgresJobs(parts.db, pool)
      : new (await import('./mongo-backend.js')).MongoJobs(stores.mongodbUrl);
  return new JobQueue({ ...parts, backend });
}
