import type { PendingEmailChanges } from '../domain/accounts/pending-email-changes.js';
import type { PendingPasswordResets } from '../domain/accounts/pending-password-resets.js';
import type { PendingRegistrations } from '../domain/accounts/pending-registrations.js';
import type { OutboxMessage } from '../domain/events/outbox.js';

export interface RequestParts {
  readonly pendingRegistrations: PendingRegistrations;
  readonly pendingPasswordResets: PendingPasswordResets;
  readonly pendingEmailChanges: PendingEmailChanges;
}

export const REQUEST_TOPICS = [
  'registration-requested',
  'verification-wanted',
  'registration-expiring',
  'password-reset-wanted',
  'new-address-wanted',
] as const;

/** What somebody asked for and is done after the answer, so that the answer tells nothing of it. */
export type RequestMessage = Extract<OutboxMessage, { readonly topic: (typeof REQUEST_TOPICS)[number] }>;

export function isRequest(message: OutboxMessage): message is RequestMessage {
  return (REQUEST_TOPICS as readonly string[]).includes(message.topic);
}

/** Does it; what it leads to is messages of their own. Repeating it does no harm. */
export async function doRequest(
  { pendingRegistrations, pendingPasswordResets, pendingEmailChanges }: RequestParts,
  message: RequestMessage,
  secret: () => string | undefined,
): Promise<void> {
  switch (message.topic) {
    case 'registration-requested':
      return await pendingRegistrations.register(message.payload, secret());
    case 'verification-wanted':
      return await pendingRegistrations.renew(message.payload);
    case 'registration-expiring':
      return await pendingRegistrations.remind(message.payload);
    case 'password-reset-wanted':
      return await pendingPasswordResets.mail(message.payload);
    case 'new-address-wanted':
      return await pendingEmailChanges.offer(message.payload);
  }
}
