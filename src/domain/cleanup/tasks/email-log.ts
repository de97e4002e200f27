import { sql } from 'kysely';
import { rowStep } from '../row-step.js';
import type { CleanupTask } from '../task.js';

/** Removes old entries of the log of mails. */
export const emailLog: CleanupTask<'EMAIL_LOG'> = {
  name: 'EMAIL_LOG',
  retention: {
    kind: 'days',
    least: ({ purge }) => purge.evidenceMinDays,
    standard: ({ purge }) => purge.emailLogRetentionDays,
  },
  kinds: ['rows'],
  steps: () => [rowStep({ table: 'email_log', endedAt: sql`t.created_at` })],
};
