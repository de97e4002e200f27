import type { Database } from '../database.js';

/** The finished one-off jobs of the job store, for the cleanup that removes old ones. */
export interface FinishedJobs {
  /** Removes up to `limit` that ended before `cutoff`; within `tx` where the jobs lie in the same database. */
  remove(tx: Database, range: { readonly cutoff: Date; readonly limit: number }): Promise<number>;
  count(range: { readonly cutoff: Date; readonly limit: number }): Promise<number>;
}
