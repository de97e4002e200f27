import { sql } from 'kysely';
import { rowStep } from '../row-step.js';
import type { CleanupTask } from '../task.js';

/** Removes the records of batches whose codes were purged long ago. Off unless somebody says how long they are kept. */
export const batchHistory: CleanupTask<'BATCH_HISTORY'> = {
  name: 'BATCH_HISTORY',
  retention: {
    kind: 'days',
    least: ({ purge }) => purge.evidenceMinDays,
    standard: ({ purge }) => purge.batchHistoryRetentionDays,
  },
  kinds: ['rows'],
  steps: () => [
    rowStep({ table: 'recovery_code_batches', endedAt: sql`t.purged_at`, where: sql`t.status = 'PURGED'` }),
  ],
};
