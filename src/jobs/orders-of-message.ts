import type { OutboxMessage } from '../domain/events/outbox.js';
import type { OutboxTopics } from '../domain/events/outbox-topics.js';
import type { MailOrigin } from '../domain/mail/mail-inputs.js';
import type { MailFacts } from '../domain/mail/mail-facts.js';
import type { MailOrder, MailPort } from '../domain/mail/mail-port.js';
import type { OtherAddressMessage } from './deliver-to-other-address.js';
import type { RequestMessage } from './do-request.js';
import { isLinkMessage, type LinkMessage, linkOrder } from './link-order.js';

interface OrderParts {
  readonly facts: MailFacts;
  readonly lowThreshold: number;
  readonly linkWithToken: MailPort['linkWithToken'];
  /** The token that the message carries. */
  readonly token: () => string;
}

/** A message about an account that is there. */
export type AccountMessage = Exclude<
  OutboxMessage,
  RequestMessage | OtherAddressMessage | { readonly topic: 'purge-reported' | 'codes-mail-accepted' | 'admin-notice' }
>;

/** The mails that one message leads to. Notices go to verified addresses only; a link may go to one that is not yet. */
export function ordersOfMessage(message: AccountMessage, parts: OrderParts): readonly MailOrder[] {
  const { facts, linkWithToken, token } = parts;
  if (isLinkMessage(message)) {
    const order = linkOrder(message, facts, (page) => linkWithToken(page, token()));
    return order === undefined ? [] : [order];
  }
  switch (message.topic) {
    case 'batch-changed':
      return [];
    case 'codes-expiring':
      return facts.isVerified ? expiryNotice(facts) : [];
    default:
      return facts.isVerified ? noticeOf(message, parts) : [];
  }
}

/** None where the codes were spent, replaced or deleted meanwhile, or have expired before it could be sent. */
function expiryNotice({ batchNumber, remaining, expiresAt }: MailFacts): readonly MailOrder[] {
  if (batchNumber === null || expiresAt === null || remaining === 0) return [];
  return [{ template: 'codes-expiring', input: { batchNumber, remaining, expiresAt } }];
}

function noticeOf<Topic extends NoticeTopic>(
  { topic, payload }: { readonly topic: Topic; readonly payload: OutboxTopics[Topic] },
  { facts, lowThreshold }: OrderParts,
): readonly MailOrder[] {
  const { at, ipAddress: address, userAgent: client } = payload;
  return notices[topic](payload, { facts, lowThreshold, origin: { at, address, client } });
}

type NoticeTopic = Exclude<AccountMessage['topic'], LinkMessage['topic'] | 'batch-changed' | 'codes-expiring'>;

interface NoticeFacts {
  readonly facts: MailFacts;
  readonly lowThreshold: number;
  readonly origin: MailOrigin;
}

const PASSWORD_DOINGS = { reset: 'RESET', changed: 'CHANGE' } as const;
const CREDENTIALS = { password: 'PASSWORD', code: 'RECOVERY_CODE' } as const;

/** What each topic's notice tells. A topic without its line is a type error. */
const notices: {
  readonly [Topic in NoticeTopic]: (payload: OutboxTopics[Topic], about: NoticeFacts) => readonly MailOrder[];
} = {
  'code-used': codeUsedNotices,
  'code-revoked': ({ remaining }, about) => fewLeftNotices(remaining, about),
  'codes-issued': ({ isReplacement }, { facts, origin }) => {
    const { batchNumber, issuedCount: count, expiresAt } = facts;
    if (batchNumber === null || count === null) return [];
    return [{ template: 'codes-issued', input: { origin, batchNumber, count, expiresAt, isReplacement } }];
  },
  'batch-deleted': ({ removedCount: removed }, { facts: { batchNumber, isDeletedByOwner }, origin }) => {
    if (batchNumber === null) return [];
    const by = isDeletedByOwner ? 'OWNER' : 'ADMIN';
    return [{ template: 'batch-deleted', input: { origin, batchNumber, removed, by } }];
  },
  'locked-out': ({ credential, waitSeconds }, { origin }) => [
    { template: 'locked-out', input: { origin, credential: CREDENTIALS[credential], waitSeconds } },
  ],
  'attempts-ceiling-passed': ({ credential, failures }, { origin }) => [
    { template: `${credential}-attempts-ceiling`, input: { origin, failures } },
  ],
  'registered-again': (_payload, { origin }) => [{ template: 'already-registered', input: { origin } }],
  'password-changed': ({ reason }, { origin }) => [
    { template: 'password-changed', input: { origin, by: PASSWORD_DOINGS[reason] } },
  ],
  'address-wanted': (_payload, { origin }) => [{ template: 'address-wanted', input: { origin } }],
  'email-changed': (_payload, { origin }) => [{ template: 'email-changed', input: { origin } }],
  'account-unlocked': (_payload, { origin }) => [{ template: 'account-unlocked', input: { origin } }],
  'refresh-token-reused': (_payload, { origin }) => [{ template: 'session-replay', input: { origin } }],
};

function codeUsedNotices({ remaining, isSignIn }: OutboxTopics['code-used'], about: NoticeFacts): readonly MailOrder[] {
  const { origin } = about;
  const { batchNumber, position } = about.facts;
  const code = batchNumber === null || position === null ? {} : { code: { batchNumber, position } };
  const used: MailOrder = {
    template: isSignIn ? 'signed-in-by-code' : 'code-used',
    input: { origin, remaining, ...code },
  };
  return [used, ...fewLeftNotices(remaining, about)];
}

/** Once a batch each: as the last code goes, and as so few are left. */
function fewLeftNotices(remaining: number, { lowThreshold, origin }: NoticeFacts): readonly MailOrder[] {
  if (remaining === 0) return [{ template: 'codes-empty', input: { origin } }];
  return remaining === lowThreshold ? [{ template: 'codes-low', input: { origin, remaining } }] : [];
}
