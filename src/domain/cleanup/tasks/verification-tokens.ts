import { sql } from 'kysely';
import { rowStep } from '../row-step.js';
import type { CleanupTask } from '../task.js';

/** Removes mailed tokens that were used or have expired. */
export const verificationTokens: CleanupTask<'VERIFICATION_TOKENS'> = {
  name: 'VERIFICATION_TOKENS',
  retention: { kind: 'none' },
  kinds: ['EMAIL_VERIFICATION', 'PASSWORD_RESET', 'EMAIL_CHANGE'],
  steps: () => [
    rowStep({ table: 'verification_tokens', endedAt: sql`least(t.used_at, t.expires_at)`, kind: sql`t.purpose` }),
  ],
};
