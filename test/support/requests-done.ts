import type { TestDatabase } from './database.js';
import { eventually } from './eventually.js';

/** What is asked of an address before it is known whether somebody has it: the relay finds out after the answer. */
export const REQUESTS = [
  'registration-requested',
  'verification-wanted',
  'registration-expiring',
  'password-reset-wanted',
  'new-address-wanted',
] as const;

/** Waits until a relay has done all that was asked so far of addresses; what it orders then may still be due. */
export async function requestsDone({ rows }: TestDatabase): Promise<void> {
  await eventually(async () => {
    const due = await rows('select 1 from outbox where topic = any($1) and delivered_at is null', [REQUESTS]);
    return due.length === 0;
  });
}
