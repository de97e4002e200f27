import { sql } from 'kysely';
import { rowStep } from '../row-step.js';
import type { CleanupTask, Range, Step } from '../task.js';

const DAY_SECONDS = 86_400;

/**
 * Removes changes of address that were completed, at any age, and those that were not within the retention. Never one that
 * can still be confirmed: the least is as long as both sides have for that.
 */
export const emailChangeRequests: CleanupTask<'EMAIL_CHANGE_REQUESTS'> = {
  name: 'EMAIL_CHANGE_REQUESTS',
  retention: {
    kind: 'days',
    least: ({ accounts }) => Math.ceil(accounts.emailChangeTtlSeconds / DAY_SECONDS),
    standard: ({ purge }) => purge.staleEmailChangeDays,
  },
  kinds: ['completed', 'stale'],
  steps: () => [
    ofAnyAge(rowStep({ table: 'email_change_requests', endedAt: sql`t.completed_at`, kind: sql`'completed'` })),
    rowStep({
      table: 'email_change_requests',
      endedAt: sql`t.created_at`,
      where: sql`t.completed_at is null`,
      kind: sql`'stale'`,
    }),
  ],
};

function ofAnyAge(step: Step): Step {
  const atLast = <R extends Range>(range: R): R => ({ ...range, cutoff: 'infinity' });
  return {
    ...step,
    purge: (tx, chunk) => step.purge(tx, atLast(chunk)),
    preview: (db, range) => step.preview(db, atLast(range)),
    estimate: (db) => step.estimate(db, 'infinity'),
  };
}
