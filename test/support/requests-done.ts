import { REQUEST_TOPICS } from '../../src/jobs/do-request.js';
import type { TestDatabase } from './database.js';
import { eventually } from './eventually.js';

/** Waits until a relay has done all that was asked so far of addresses; what it orders then may still be due. */
export async function requestsDone({ rows }: TestDatabase): Promise<void> {
  await eventually(async () => {
    const due = await rows('select 1 from outbox where topic = any($1) and delivered_at is null', [REQUEST_TOPICS]);
    return due.length === 0;
  });
}
