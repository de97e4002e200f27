import { findUnconfirmed } from '../domain/accounts/email-change-requests.js';
import type { Database } from '../domain/database.js';
import type { OutboxMessage } from '../domain/events/outbox.js';
import type { MailOrder, MailPort } from '../domain/mail/mail-port.js';
import type { Mails } from '../domain/mail/mails.js';

interface OtherAddressParts {
  readonly db: Database;
  readonly mail: Pick<MailPort, 'linkWithToken'>;
  readonly mails: Mails;
}

/** A message of an account for an address that it does not have yet, or no longer. */
export type OtherAddressMessage = Extract<
  OutboxMessage,
  { readonly topic: 'new-address-offered' | 'old-address-left' }
>;

/** Mails the address, if it still concerns it. */
export async function deliverToOtherAddress(
  { db, mail, mails }: OtherAddressParts,
  message: OtherAddressMessage,
  { isLastAttempt, token }: { readonly isLastAttempt: boolean; readonly token: () => string },
): Promise<void> {
  const to = await addressOf(db, message);
  if (to === undefined) return;
  const order = orderOf(message, () => mail.linkWithToken('confirm-email-change', token()));
  await mails.send(order, { to, key: `${message.id}.${order.template}`, isLastAttempt });
}

/** Of a request that was confirmed, cancelled or replaced meanwhile, none. */
async function addressOf(db: Database, { topic, payload }: OtherAddressMessage): Promise<string | undefined> {
  if (topic === 'old-address-left') return payload.email;
  return (await findUnconfirmed(db, payload.requestId))?.newEmail;
}

function orderOf(message: OtherAddressMessage, link: () => string): MailOrder {
  if (message.topic === 'new-address-offered') {
    const { validForSeconds } = message.payload;
    return { template: 'confirm-new-address', input: { link: link(), validForSeconds } };
  }
  const { at, ipAddress: address, userAgent: client } = message.payload;
  return { template: 'old-address-left', input: { origin: { at, address, client } } };
}
