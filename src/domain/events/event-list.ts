import type { LimitPolicy } from '../limits/limit-policy.js';
import type { ExportFormat } from '../copies/code-sheet.js';
import type { AuditAction } from './audit-actions.js';
import type { AdminNotice, Occasion, OutboxTopic, OutboxTopics } from './outbox-topics.js';

/** What the audit row of an event can say beside who did it and from where. Nothing typed by a caller, and no secret. */
export interface AuditFacts {
  readonly accountId: string | null | undefined;
  readonly batchId: string;
  readonly codeId: string;
  readonly issuedCount: number;
  readonly removedCount: number;
  readonly reason: string;
}

/** One kind of event: which of its facts its audit row says, and what is delivered because of it after the commit. */
interface EventEntry<Facts> {
  readonly audit: readonly (keyof Facts & keyof AuditFacts)[];
  /** A mail to the account, with all of the facts, and when and from where; word to other processes with it. */
  readonly notice?: TopicFor<Facts, Occasion>;
  /** A mail to ADMIN_EMAIL: `about` is what it tells beside who did it, when and from where. Not within `raisedWithin`. */
  readonly adminNotice?: Facts extends AboutSomething ? AdminNotice : never;
  /** Word to other processes only. */
  readonly push?: TopicFor<Facts, object>;
  /** Never there: it carries the type. */
  readonly facts?: Facts;
}

type Known<Facts> = { readonly [Fact in keyof Facts]: NonNullable<Facts[Fact]> };

/** The topics whose payload the facts make up. */
type TopicFor<Facts, Payload> = {
  [Topic in OutboxTopic]: OutboxTopics[Topic] extends Payload
    ? Known<Facts> extends Omit<OutboxTopics[Topic], Exclude<keyof Occasion, 'accountId'>>
      ? Topic
      : never
    : never;
}[OutboxTopic];

function event<Facts>(entry: EventEntry<Facts>): EventEntry<Facts> {
  return entry;
}

interface OfAccount {
  readonly accountId: string;
}

interface OfBatch extends OfAccount {
  readonly batchId: string;
}

interface OfCode extends OfBatch {
  readonly codeId: string;
}

/** How many codes would still be accepted. */
interface Left {
  readonly remaining: number;
}

/** A batch may outlive its account. */
interface OfOldBatch {
  readonly accountId: string | null;
  readonly batchId: string;
}

interface Because {
  readonly reason: string;
}

interface AboutSomething {
  readonly about: string;
}

/** Of an address that may be nobody's. */
interface OfSomebody {
  readonly accountId?: string | undefined;
}

/**
 * Everything that can happen, by its action in the audit. Raising one (`raise`, or `raisedWithin` in a larger statement)
 * writes its audit row there and then, in the transaction that it belongs to, and what is delivered because of it into
 * the outbox. A new event is one entry here.
 */
export const eventList = {
  CODES_GENERATED: event<OfBatch & { readonly issuedCount: number; readonly isReplacement: boolean }>({
    audit: ['accountId', 'batchId', 'issuedCount'],
    notice: 'codes-issued',
  }),
  CODES_VIEWED: event<OfBatch>({ audit: ['accountId', 'batchId'], push: 'batch-changed' }),
  CODES_EXPORTED: event<OfBatch & { readonly reason: ExportFormat }>({
    audit: ['accountId', 'batchId', 'reason'],
    push: 'batch-changed',
  }),
  CODES_EMAILED: event<OfBatch>({ audit: ['accountId', 'batchId'], push: 'batch-changed' }),
  COPY_REARMED: event<OfBatch & Because>({ audit: ['accountId', 'batchId', 'reason'], push: 'batch-changed' }),
  CODE_USED: event<OfCode & Left & { readonly isSignIn: boolean }>({
    audit: ['accountId', 'batchId', 'codeId'],
    notice: 'code-used',
  }),
  CODE_REJECTED: event<OfSomebody>({ audit: ['accountId'] }),
  CODE_INVALIDATED: event<OfCode & Left>({ audit: ['accountId', 'batchId', 'codeId'], notice: 'code-revoked' }),
  CODE_DELETED: event<OfCode & Left>({ audit: ['accountId', 'batchId', 'codeId'], notice: 'code-revoked' }),
  BATCH_SUPERSEDED: event<OfBatch>({ audit: ['accountId', 'batchId'] }),
  BATCH_EXHAUSTED: event<OfBatch>({ audit: ['accountId', 'batchId'] }),
  BATCH_MARKED_FOR_DELETION: event<OfOldBatch & { readonly removedCount: number }>({
    audit: ['accountId', 'batchId', 'removedCount'],
    notice: 'batch-deleted',
  }),
  BATCH_PURGED: event<OfOldBatch & { readonly removedCount: number; readonly issuedCount: number }>({
    audit: ['accountId', 'batchId', 'removedCount', 'issuedCount'],
  }),
  SETUP_VERIFIED: event<OfBatch>({ audit: ['accountId', 'batchId'] }),
  SETUP_REJECTED: event<OfAccount>({ audit: ['accountId'] }),
  SETUP_RESET: event<OfAccount>({ audit: ['accountId'] }),
  RATE_LIMITED: event<OfSomebody & { readonly reason: LimitPolicy | 'ACCOUNT_CEILING' }>({
    audit: ['accountId', 'reason'],
  }),
  ACCOUNT_REGISTERED: event<OfAccount & { readonly reason?: 'admin' }>({ audit: ['accountId', 'reason'] }),
  ACCOUNT_UNLOCKED: event<OfAccount>({ audit: ['accountId'], notice: 'account-unlocked' }),
  ACCOUNT_DELETED: event<OfAccount & Because>({ audit: ['accountId', 'reason'] }),
  EMAIL_VERIFIED: event<OfAccount>({ audit: ['accountId'] }),
  EMAIL_CHANGE_REQUESTED: event<OfAccount>({ audit: ['accountId'] }),
  EMAIL_CHANGE_CANCELLED: event<OfAccount & { readonly reason?: 'password changed' }>({
    audit: ['accountId', 'reason'],
  }),
  EMAIL_CHANGED: event<OfAccount>({ audit: ['accountId'], notice: 'email-changed' }),
  PASSWORD_RESET_REQUESTED: event<OfAccount>({ audit: ['accountId'] }),
  PASSWORD_CHANGED: event<OfAccount & { readonly reason: 'reset' | 'changed' }>({
    audit: ['accountId', 'reason'],
    notice: 'password-changed',
  }),
  SIGNED_IN: event<OfAccount>({ audit: ['accountId'] }),
  SIGN_IN_REJECTED: event<OfSomebody>({ audit: ['accountId'] }),
  SIGNED_OUT: event<OfAccount>({ audit: ['accountId'] }),
  /** The reason is the id of the session that was ended; the event's own is the actor's. */
  SESSION_REVOKED: event<OfAccount & Because>({ audit: ['accountId', 'reason'] }),
  REFRESH_TOKEN_REUSED: event<OfAccount>({ audit: ['accountId'] }),
  KEY_ROTATED: event<Because & AboutSomething>({ audit: ['reason'], adminNotice: 'signing-key-rotated' }),
  OIDC_CLIENT_SAVED: event<Because & AboutSomething>({ audit: ['reason'], adminNotice: 'oidc-client-saved' }),
  OIDC_CLIENT_DELETED: event<Because & AboutSomething>({ audit: ['reason'], adminNotice: 'oidc-client-deleted' }),
  SERVICE_KEY_CREATED: event<Because & AboutSomething>({ audit: ['reason'], adminNotice: 'service-key-created' }),
  SERVICE_KEY_REVOKED: event<Because & AboutSomething>({ audit: ['reason'], adminNotice: 'service-key-revoked' }),
  SCHEDULE_CREATED: event<Because>({ audit: ['reason'] }),
  SCHEDULE_UPDATED: event<Because>({ audit: ['reason'] }),
  SCHEDULE_DELETED: event<Because>({ audit: ['reason'] }),
  CLEANUP_RUN: event<Because & { readonly removedCount?: number }>({ audit: ['reason', 'removedCount'] }),
  JOBS_FLUSHED: event<Because & { readonly removedCount: number }>({ audit: ['reason', 'removedCount'] }),
} satisfies Partial<Record<AuditAction, object>>;

export type EventAction = keyof typeof eventList;

/** What an event of this action says beside its source. */
export type FactsOf<Action extends EventAction> = NonNullable<(typeof eventList)[Action]['facts']>;

/** What is delivered because of an event of this action. */
export function deliveriesOf(action: EventAction): {
  readonly notice?: OutboxTopic;
  readonly adminNotice?: AdminNotice;
  readonly push?: OutboxTopic;
} {
  return eventList[action];
}
