import type { TestDatabase } from './database.js';
import { eventually } from './eventually.js';

const WAITING = `select 1 from outbox
  where delivered_at is null and failed_at is null and due_at < now() + interval '1 hour' limit 1`;

/** Waits until a relay has delivered all that is due, or under way. */
export async function outboxDone({ rows }: TestDatabase): Promise<void> {
  await eventually(async () => (await rows(WAITING)).length === 0, 30_000);
}
