import type { Origin } from '../access/viewer.js';
import type { OutboxDraft } from '../events/outbox-topics.js';

/** Asks for a new link to the address, if it waits for its verification. */
export function verificationWanted(email: string, { network, address, userAgent }: Origin): OutboxDraft {
  const from = { network: network ?? null, ipAddress: address ?? null, userAgent: userAgent ?? null };
  return { topic: 'verification-wanted', payload: { email, ...from } };
}
