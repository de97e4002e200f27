import type { Holder, Origin } from '../access/viewer.js';
import { sourceOf } from '../events/event-source.js';
import { type EventDraft, foldKey } from '../events/raise.js';
import type { AttemptBy } from '../limits/limiter.js';

/** A guess at somebody's codes, as the limiter counts it. */
export function codeAttemptBy(me: Holder, origin: Origin): AttemptBy {
  return {
    policy: 'VERIFY',
    credential: 'code',
    subject: me.limitSubject,
    accountId: me.accountId,
    network: origin.network,
    source: sourceOf(me, origin),
  };
}

/** What a guess that failed leaves. Those at users without an account are one event of their key and network. */
export function codeRejection(me: Holder, origin: Origin): EventDraft {
  const { accountId, serviceKeyId = '' } = me;
  const action = 'CODE_REJECTED' as const;
  const fold = { key: foldKey(serviceKeyId, origin.network ?? ''), by: 'hour' as const };
  return { ...sourceOf(me, origin), action, accountId, ...(accountId === undefined && { fold }) };
}
