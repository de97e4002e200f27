import { sql } from 'kysely';
import type { Registration } from '../domain/accounts/registration.js';
import { openToken } from '../domain/accounts/verification-tokens.js';
import type { Keyring } from '../domain/crypto/keyring.js';
import type { Database } from '../domain/database.js';
import type { OutboxMessage } from '../domain/events/outbox.js';
import { mailFacts } from '../domain/mail/mail-facts.js';
import type { MailPort } from '../domain/mail/mail-port.js';
import { ordersOfMessage } from './orders-of-message.js';

export interface DeliveryParts {
  readonly db: Database;
  readonly keyring: Keyring;
  readonly mail: MailPort;
  readonly lowThreshold: number;
  readonly registration: Registration;
}

/** The channel on which processes hear, by id, of batches that changed. */
export const BATCH_CHANNEL = 'sparekey_batch_changed';

/** Delivers one message: word to other processes first, then its mails. Repeating it does no harm. */
export async function deliverMessage(parts: DeliveryParts, message: OutboxMessage): Promise<void> {
  const { payload } = message;
  if (message.topic === 'verification-wanted') {
    return await parts.registration.resendVerificationTo(payload.accountId, message.payload.network ?? undefined);
  }
  const batchId = 'batchId' in payload ? payload.batchId : undefined;
  const codeId = 'codeId' in payload ? payload.codeId : undefined;
  if (batchId !== undefined) await sql`select pg_notify(${BATCH_CHANNEL}, ${batchId})`.execute(parts.db);
  const facts = await mailFacts(parts.db, { accountId: payload.accountId, batchId, codeId });
  if (facts === undefined) return;
  const orders = ordersOfMessage(message, {
    facts,
    lowThreshold: parts.lowThreshold,
    linkWithToken: (page, token) => parts.mail.linkWithToken(page, token),
    token: () => openToken(parts.keyring, { id: message.id, bytes: message.sealed ?? Buffer.alloc(0) }),
  });
  for (const order of orders) await parts.mail.send(order, { to: facts.email, key: `${message.id}.${order.template}` });
}
