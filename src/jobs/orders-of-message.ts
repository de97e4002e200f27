import type { OutboxMessage } from '../domain/events/outbox.js';
import type { MailFacts } from '../domain/mail/mail-facts.js';
import type { MailOrder, MailPort } from '../domain/mail/mail-port.js';

interface OrderParts {
  readonly facts: MailFacts;
  readonly lowThreshold: number;
  readonly linkWithToken: MailPort['linkWithToken'];
  /** The token that the message carries. */
  readonly token: () => string;
}

/** The mails that one message leads to. Notices go to verified addresses only; a link may go to one that is not yet. */
export function ordersOfMessage(message: OutboxMessage, parts: OrderParts): readonly MailOrder[] {
  const { facts, linkWithToken, token } = parts;
  switch (message.topic) {
    case 'email-verification-requested': {
      const { validForSeconds } = message.payload;
      return [{ template: 'verify-email', input: { link: linkWithToken('verify-email', token()), validForSeconds } }];
    }
    case 'password-wanted': {
      const { validForSeconds } = message.payload;
      return [{ template: 'set-your-password', input: { link: linkWithToken('reset-password', token()), validForSeconds } }];
    }
    case 'batch-changed':
      return [];
    default:
      return facts.isVerified ? noticesOf(message, parts) : [];
  }
}

type Notice = Exclude<
  OutboxMessage,
  { readonly topic: 'email-verification-requested' | 'password-wanted' | 'batch-changed' }
>;

function noticesOf(message: Notice, { facts, lowThreshold }: OrderParts): readonly MailOrder[] {
  const { at, ipAddress: address, userAgent: client } = message.payload;
  const origin = { at, address, client };
  switch (message.topic) {
    case 'code-used':
      return codeUsedNotices(message, { facts, lowThreshold, origin });
    case 'codes-issued': {
      const { batchNumber, issuedCount: count, expiresAt } = facts;
      if (batchNumber === null || count === null) return [];
      const { isReplacement } = message.payload;
      return [{ template: 'codes-issued', input: { origin, batchNumber, count, expiresAt, isReplacement } }];
    }
    case 'batch-deleted': {
      if (facts.batchNumber === null) return [];
      const by = facts.isDeletedByOwner ? 'OWNER' : 'ADMIN';
      const removed = message.payload.removed;
      return [{ template: 'batch-deleted', input: { origin, batchNumber: facts.batchNumber, removed, by } }];
    }
    case 'locked-out': {
      const credential = message.payload.credential === 'password' ? 'PASSWORD' : 'RECOVERY_CODE';
      return [{ template: 'locked-out', input: { origin, credential, waitSeconds: message.payload.waitSeconds } }];
    }
    case 'attempts-ceiling-passed': {
      const { credential, failures } = message.payload;
      const template = credential === 'password' ? 'password-attempts-ceiling' : 'code-attempts-ceiling';
      return [{ template, input: { origin, failures } }];
    }
    case 'registered-again':
      return [{ template: 'already-registered', input: { origin } }];
    case 'account-unlocked':
      return [{ template: 'account-unlocked', input: { origin } }];
    case 'refresh-token-reused':
      return [{ template: 'session-replay', input: { origin } }];
  }
}

function codeUsedNotices(
  { payload }: Extract<OutboxMessage, { readonly topic: 'code-used' }>,
  {
    facts,
    lowThreshold,
    origin,
  }: { facts: MailFacts; lowThreshold: number; origin: { at: string; address: string | null; client: string | null } },
): readonly MailOrder[] {
  const { remaining, isSignIn } = payload;
  const { batchNumber, position } = facts;
  const code = batchNumber === null || position === null ? {} : { code: { batchNumber, position } };
  const used: MailOrder = {
    template: isSignIn ? 'signed-in-by-code' : 'code-used',
    input: { origin, remaining, ...code },
  };
  if (remaining === 0) return [used, { template: 'codes-empty', input: { origin } }];
  if (remaining === lowThreshold) return [used, { template: 'codes-low', input: { origin, remaining } }];
  return [used];
}
