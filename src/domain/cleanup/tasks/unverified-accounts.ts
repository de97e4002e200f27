import { sql } from 'kysely';
import { raise } from '../../events/raise.js';
import { rowStep } from '../row-step.js';
import type { CleanupTask } from '../task.js';

/** Condition on `accounts t`, whatever their age. */
export const isNeverVerified = sql<boolean>`t.email_verified_at is null and t.origin = 'LOCAL' and t.role <> 'ADMIN'
  and not exists (select from recovery_code_batches b where b.account_id = t.id)`;

/** Removes accounts of our own whose address nobody ever verified; never an admin, never one that had a batch. */
export const unverifiedAccounts: CleanupTask<'UNVERIFIED_ACCOUNTS'> = {
  name: 'UNVERIFIED_ACCOUNTS',
  retention: { kind: 'days', least: () => 1, standard: ({ purge }) => purge.staleAccountDays },
  kinds: ['rows'],
  steps: () => [
    rowStep({
      table: 'accounts',
      endedAt: sql`t.created_at`,
      where: isNeverVerified,
      removed: (tx, ids) =>
        raise(
          tx,
          ids.map((accountId) => ({ action: 'ACCOUNT_DELETED', accountId, reason: 'never verified' })),
        ),
    }),
  ],
};
