import type { OutboxMessage } from '../domain/events/outbox.js';
import type { MailOrder, MailPort } from '../domain/mail/mail-port.js';

const TOPICS = [
  'email-verification-requested',
  'registration-reminded',
  'password-wanted',
  'password-reset-requested',
  'email-change-requested',
] as const;

/** A message whose mail brings the account's own address a link; the address may not be verified yet. */
export type LinkMessage = Extract<OutboxMessage, { readonly topic: (typeof TOPICS)[number] }>;

export function isLinkMessage(message: OutboxMessage): message is LinkMessage {
  return (TOPICS as readonly string[]).includes(message.topic);
}

type Page = Parameters<MailPort['linkWithToken']>[0];

/** The mail with its link; none where time has made it pointless. */
export function linkOrder(
  message: LinkMessage,
  { isVerified }: { readonly isVerified: boolean },
  linkTo: (page: Page) => string,
): MailOrder | undefined {
  const { validForSeconds } = message.payload;
  switch (message.topic) {
    case 'email-verification-requested':
      return { template: 'verify-email', input: { link: linkTo('verify-email'), validForSeconds } };
    case 'registration-reminded': {
      const input = { link: linkTo('verify-email'), validForSeconds, endsAt: message.payload.endsAt };
      return isVerified ? undefined : { template: 'registration-expiring', input };
    }
    case 'password-wanted':
      return { template: 'set-your-password', input: { link: linkTo('reset-password'), validForSeconds } };
    case 'password-reset-requested':
      return { template: 'reset-password', input: { link: linkTo('reset-password'), validForSeconds } };
    case 'email-change-requested': {
      const { at, ipAddress: address, userAgent: client, newEmail } = message.payload;
      const asked = { origin: { at, address, client }, newEmail };
      const input = { ...asked, link: linkTo('confirm-email-change'), validForSeconds };
      return { template: 'confirm-email-change', input };
    }
  }
}
