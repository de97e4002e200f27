import { sql } from 'kysely';
import { rowStep } from '../row-step.js';
import type { CleanupTask } from '../task.js';

/**
 * A federated session that was revoked stays until no token can be valid any more that was issued before: it is what
 * these are refused by.
 */
const isForgettable = sql`(t.method <> 'FEDERATED' or t.revoked_at is null
  or t.revoked_at < sparekey_now() - interval '25 hours')`;

/**
 * Removes refresh tokens past their own expiry, then sessions that have none left. A used or revoked token stays until
 * it would have expired: it is what a replay is told by.
 */
export const sessions: CleanupTask<'SESSIONS'> = {
  name: 'SESSIONS',
  retention: { kind: 'none' },
  kinds: ['refreshTokens', 'sessions'],
  steps: () => [
    rowStep({ table: 'refresh_tokens', endedAt: sql`t.expires_at`, kind: sql`'refreshTokens'` }),
    rowStep({
      table: 'sessions',
      endedAt: sql`t.expires_at`,
      kind: sql`'sessions'`,
      where: sql`not exists (select from refresh_tokens token where token.session_id = t.id) and ${isForgettable}`,
      wherePreviewed: (cutoff) =>
        sql`not exists (
          select from refresh_tokens token where token.session_id = t.id and token.expires_at >= ${cutoff}::timestamptz)
          and ${isForgettable}`,
    }),
  ],
};
