import type { EventSource } from '../events/event-source.js';
import { type EventDraft, foldKey } from '../events/raise.js';

/** What remains of mails that the limits kept back without a word: one event an hour for each network, or account. */
export function silencedMail(
  source: EventSource,
  { network, accountId }: { readonly network?: string | null | undefined; readonly accountId?: string },
): EventDraft {
  const fold = { key: foldKey('SEND_MAIL', network ?? '', accountId ?? ''), by: 'hour' as const };
  return { ...source, action: 'RATE_LIMITED', accountId, reason: 'SEND_MAIL', fold };
}
