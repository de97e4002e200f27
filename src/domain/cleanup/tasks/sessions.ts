import { sql } from 'kysely';
import { rowStep } from '../row-step.js';
import type { CleanupTask } from '../task.js';

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
      where: sql`not exists (select from refresh_tokens token where token.session_id = t.id)`,
      wherePreviewed: (cutoff) =>
        sql`not exists (
          select from refresh_tokens token where token.session_id = t.id and token.expires_at >= ${cutoff}::timestamptz)`,
    }),
  ],
};
