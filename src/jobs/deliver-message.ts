import { sql } from 'kysely';
import type { PendingRegistrations } from '../domain/accounts/pending-registrations.js';
import type { Keyring } from '../domain/crypto/keyring.js';
import type { Database } from '../domain/database.js';
import type { OutboxMessage } from '../domain/events/outbox.js';
import { openFromOutbox } from '../domain/events/sealed-part.js';
import { mailFacts } from '../domain/mail/mail-facts.js';
import type { MailPort } from '../domain/mail/mail-port.js';
import { type AccountMessage, ordersOfMessage } from './orders-of-message.js';

export interface DeliveryParts {
  readonly db: Database;
  readonly keyring: Keyring;
  readonly mail: MailPort;
  readonly lowThreshold: number;
  readonly pendingRegistrations: PendingRegistrations;
}

/** The channel on which processes hear, by id, of batches that changed. */
export const BATCH_CHANNEL = 'sparekey_batch_changed';

/** Does what one message asks for. Repeating it does no harm. */
export async function deliverMessage(parts: DeliveryParts, message: OutboxMessage): Promise<void> {
  switch (message.topic) {
    case 'registration-requested':
      return await parts.pendingRegistrations.register(message.payload, secretOf(parts, message));
    case 'verification-wanted':
      return await parts.pendingRegistrations.renew(message.payload);
    default:
      return await deliverToAccount(parts, message);
  }
}

/** Word to other processes first, then the mails. */
async function deliverToAccount(parts: DeliveryParts, message: AccountMessage): Promise<void> {
  const { payload } = message;
  const batchId = 'batchId' in payload ? payload.batchId : undefined;
  const codeId = 'codeId' in payload ? payload.codeId : undefined;
  if (batchId !== undefined) await sql`select pg_notify(${BATCH_CHANNEL}, ${batchId})`.execute(parts.db);
  const facts = await mailFacts(parts.db, { accountId: payload.accountId, batchId, codeId });
  if (facts === undefined) return;
  const orders = ordersOfMessage(message, {
    facts,
    lowThreshold: parts.lowThreshold,
    linkWithToken: (page, token) => parts.mail.linkWithToken(page, token),
    token: () => secretOf(parts, message) ?? '',
  });
  for (const order of orders) await parts.mail.send(order, { to: facts.email, key: `${message.id}.${order.template}` });
}

function secretOf({ keyring }: DeliveryParts, { id, sealed }: OutboxMessage): string | undefined {
  return sealed === null ? undefined : openFromOutbox(keyring, { id, bytes: sealed });
}
