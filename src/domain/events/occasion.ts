import type { EventSource } from './event-source.js';
import type { Occasion } from './outbox-topics.js';

/** When and from where something happens to an account, for a message that no event brings along. */
export function occasionOf(accountId: string, { ipAddress, userAgent }: EventSource): Occasion {
  return { accountId, at: new Date().toISOString(), ipAddress: ipAddress ?? null, userAgent: userAgent ?? null };
}
