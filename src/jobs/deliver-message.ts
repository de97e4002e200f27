import { findReport } from '../domain/cleanup/read-reports.js';
import type { Keyring } from '../domain/crypto/keyring.js';
import type { Database } from '../domain/database.js';
import { MAX_ATTEMPTS, type OutboxMessage } from '../domain/events/outbox.js';
import { openFromOutbox } from '../domain/events/sealed-part.js';
import type { JobStore } from '../domain/jobs/job-store.js';
import { mailFacts } from '../domain/mail/mail-facts.js';
import { isMailRefusal, type MailOrder, type MailPort } from '../domain/mail/mail-port.js';
import type { Mails } from '../domain/mail/mails.js';
import { signal } from '../domain/signals.js';
import { deliverAdminNotice } from './deliver-admin-notice.js';
import { deliverToOtherAddress } from './deliver-to-other-address.js';
import { doRequest, isRequest, type RequestParts } from './do-request.js';
import { type AccountMessage, ordersOfMessage } from './orders-of-message.js';

export interface DeliveryParts extends RequestParts {
  readonly db: Database;
  readonly keyring: Keyring;
  readonly mail: Pick<MailPort, 'linkWithToken'>;
  readonly mails: Mails;
  readonly lowThreshold: number;
  readonly adminEmail: string;
  readonly jobs: Pick<JobStore, 'queueReportMail' | 'queueCodeMail'>;
}

/** For all mails of one message, so that they end within its lease. */
const MAILS_WITHIN_MS = 120_000;

/** Does what one message asks for. Repeating it does no harm. */
export async function deliverMessage(parts: DeliveryParts, message: OutboxMessage): Promise<void> {
  if (isRequest(message)) return await doRequest(parts, message, () => secretOf(parts, message));
  const isLastAttempt = message.attempts >= MAX_ATTEMPTS;
  switch (message.topic) {
    case 'purge-reported':
      return await reportPurge(parts, message.payload.reportId);
    case 'codes-mail-accepted':
      return await parts.jobs.queueCodeMail(message.payload);
    case 'admin-notice':
      return await deliverAdminNotice(parts, message, { isLastAttempt });
    case 'new-address-offered':
    case 'old-address-left':
      return await deliverToOtherAddress(parts, message, {
        isLastAttempt,
        token: () => secretOf(parts, message) ?? '',
      });
    default:
      return await deliverToAccount(parts, message);
  }
}

/** Word of it first, then the mail, if one was asked for: a job of its own, which is tried again for about a day. */
async function reportPurge({ db, jobs }: DeliveryParts, reportId: string): Promise<void> {
  await signal(db, 'sparekey_purge_reported', [reportId]);
  const report = await findReport(db, reportId);
  if (report?.emailStatus === 'QUEUED') await jobs.queueReportMail(reportId);
}

/** Word to other processes first, then the mails. */
async function deliverToAccount(parts: DeliveryParts, message: AccountMessage): Promise<void> {
  const { payload } = message;
  const batchId = 'batchId' in payload ? payload.batchId : undefined;
  const codeId = 'codeId' in payload ? payload.codeId : undefined;
  if (batchId !== undefined) await signal(parts.db, 'sparekey_batch_changed', [batchId]);
  const facts = await mailFacts(parts.db, { accountId: payload.accountId, batchId, codeId });
  if (facts === undefined) return;
  const orders = ordersOfMessage(message, {
    facts,
    lowThreshold: parts.lowThreshold,
    linkWithToken: (page, token) => parts.mail.linkWithToken(page, token),
    token: () => secretOf(parts, message) ?? '',
  });
  await sendAll(parts, orders, { to: facts.email, message });
}

/**
 * Tries each mail, whatever became of the one before. Where the message is tried again for one of them, the others are
 * sent again under the same Message-ID, save those that the log of mails knows as sent.
 *
 * @throws what kept one of them from being sent, for good only where that holds for all that were not sent
 */
async function sendAll(
  { mails }: DeliveryParts,
  orders: readonly MailOrder[],
  { to, message }: { readonly to: string; readonly message: AccountMessage },
): Promise<void> {
  const withinMs = MAILS_WITHIN_MS / orders.length;
  const isLastAttempt = message.attempts >= MAX_ATTEMPTS;
  const failures: unknown[] = [];
  for (const order of orders) {
    const attempt = { to, key: `${message.id}.${order.template}`, isLastAttempt, withinMs };
    await mails.send(order, attempt).catch((error: unknown) => failures.push(error));
  }
  if (failures.length === 0) return;
  throw failures.find((error) => !(isMailRefusal(error) && error.isPermanent)) ?? failures[0];
}

function secretOf({ keyring }: DeliveryParts, { id, sealed }: OutboxMessage): string | undefined {
  return sealed === null ? undefined : openFromOutbox(keyring, { id, bytes: sealed });
}
