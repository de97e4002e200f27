import { sql } from 'kysely';
import { isUnheld } from '../../copies/code-copies.js';
import { rowStep } from '../row-step.js';
import type { CleanupTask } from '../task.js';

/** Removes sealed copies of codes that nobody took in time, but for those that a mail under way holds. */
export const copies: CleanupTask<'COPIES'> = {
  name: 'COPIES',
  retention: { kind: 'fixed', days: 0 },
  kinds: ['rows'],
  steps: () => [
    rowStep({
      table: 'code_copies',
      endedAt: sql`t.expires_at`,
      id: sql`t.batch_id`,
      where: isUnheld('t'),
    }),
  ],
};
