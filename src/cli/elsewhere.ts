import type { FinishedJobs } from '../domain/cleanup/finished-jobs.js';
import { JobsUnavailableError } from '../domain/errors.js';

/** No command cleans up jobs: that is a worker's, which has the store at hand. */
export const elsewhere: FinishedJobs = {
  remove: () => Promise.reject(new JobsUnavailableError()),
  count: () => Promise.reject(new JobsUnavailableError()),
};
