import type { CleanupTask } from '../task.js';
import { emptyBatchStep } from './recovery-codes/empty-batches.js';
import { endedCodeStep } from './recovery-codes/ended-codes.js';

/**
 * Removes codes that ended, or expired, longer ago than the retention; then batches of which no code's row is left become
 * PURGED, with their final counts, unless that was not wanted.
 */
export const recoveryCodes: CleanupTask<'RECOVERY_CODES'> = {
  name: 'RECOVERY_CODES',
  retention: { kind: 'days', least: () => 0, standard: ({ purge }) => purge.retentionDays },
  kinds: ['codes', 'batches'],
  marks: ['batches'],
  steps: ({ deleteEmptyBatches }) =>
    deleteEmptyBatches ? [endedCodeStep(true), emptyBatchStep] : [endedCodeStep(false)],
};
