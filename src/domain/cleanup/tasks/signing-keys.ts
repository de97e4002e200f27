import { sql } from 'kysely';
import { rowStep } from '../row-step.js';
import type { CleanupTask } from '../task.js';

/** Removes signing keys that have expired, never the current one. Nothing goes by them from their end on, here or not. */
export const signingKeys: CleanupTask<'SIGNING_KEYS'> = {
  name: 'SIGNING_KEYS',
  retention: { kind: 'none' },
  kinds: ['rows'],
  steps: () => [
    rowStep({ table: 'signing_keys', endedAt: sql`t.expires_at`, id: sql`t.kid`, where: sql`not t.is_current` }),
  ],
};
