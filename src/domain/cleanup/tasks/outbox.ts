import { sql } from 'kysely';
import { rowStep } from '../row-step.js';
import type { CleanupTask } from '../task.js';

/** Removes messages that were delivered, or given up, a week ago. */
export const outbox: CleanupTask<'OUTBOX'> = {
  name: 'OUTBOX',
  retention: { kind: 'fixed', days: 7 },
  kinds: ['rows'],
  steps: () => [rowStep({ table: 'outbox', endedAt: sql`coalesce(t.delivered_at, t.failed_at)` })],
};
