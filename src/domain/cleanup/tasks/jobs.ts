import type { FinishedJobs } from '../finished-jobs.js';
import type { CleanupTask, Step } from '../task.js';

/** Removes one-off jobs that ended a week ago, from whichever store holds them. */
export const jobs: CleanupTask<'JOBS'> = {
  name: 'JOBS',
  retention: { kind: 'fixed', days: 7 },
  kinds: ['rows'],
  steps: ({ finishedJobs }) => [jobStep(finishedJobs)],
};

function jobStep(finishedJobs: FinishedJobs): Step {
  return {
    async purge(tx, { cutoff, limit }) {
      const removed = await finishedJobs.remove(tx, { cutoff: new Date(cutoff), limit });
      // Those that are gone are not found again, so that the next chunk may begin at the beginning.
      return { counts: { rows: removed }, removed, next: removed < limit ? undefined : { at: cutoff, id: '' } };
    },
    preview: async (_db, { cutoff, limit }) => ({
      rows: await finishedJobs.count({ cutoff: new Date(cutoff), limit }),
    }),
    estimate: () => Promise.resolve(null),
  };
}
