import { occasionOf } from '../events/occasion.js';
import type { OutboxDraft } from '../events/outbox-topics.js';
import { type EventDraft, raise } from '../events/raise.js';
import type { Database } from '../database.js';
import type { Attempt, AttemptBy, AttemptOutcome, Limiter, Settled } from './limiter.js';

/** How an attempt ended, and what it answers. A refusal is a value here, so that what counts it commits. */
export interface Tried<T> {
  readonly outcome: AttemptOutcome;
  readonly value: T;
  /** Written where the attempt counts as a failure. */
  readonly rejection?: EventDraft;
  /** Delivered where the attempt counts as a failure. */
  readonly messages?: readonly OutboxDraft[];
}

/** Runs guesses at a password or code under the limiter, and tells the owner when they lock the account. */
export class Attempts {
  constructor(
    private readonly db: Database,
    private readonly limiter: Limiter,
  ) {}

  /**
   * Takes a slot, tries, and ends the attempt by its outcome; a fault of ours gives the slot back.
   * @throws RateLimitedError before anything is tried.
   */
  async run<T>(by: AttemptBy, attempt: () => Promise<Tried<T>>): Promise<T> {
    const begun = await this.limiter.beginAttempt(by);
    const tried = await this.#givingBackOnFault(begun, attempt);
    if (tried.outcome === 'FAILURE') await this.#fail(begun, tried);
    else await this.#end(begun, tried.outcome);
    return tried.value;
  }

  async #givingBackOnFault<T>(begun: Attempt, attempt: () => Promise<Tried<T>>): Promise<Tried<T>> {
    try {
      return await attempt();
    } catch (error) {
      await this.#end(begun, 'RETURNED');
      throw error;
    }
  }

  /**
   * What was tried is decided and committed by now, and its answer must reach the caller: a slot that cannot be given
   * back counts as failed after a minute, which is the lesser evil.
   */
  async #end(begun: Attempt, outcome: AttemptOutcome): Promise<void> {
    await this.limiter.endAttempt(begun, outcome).catch(() => undefined);
  }

  async #fail<T>(begun: Attempt, { rejection, messages = [] }: Tried<T>): Promise<void> {
    const settled = await this.limiter.endAttempt(begun, 'FAILURE');
    const events = rejection === undefined ? [] : [rejection];
    await raise(this.db, [...events, ...ceilingEventsOf(begun, settled)], [...messages, ...noticesOf(begun, settled)]);
  }
}

/** Passing the account's ceiling is one event a day, refused or not: recovery codes are not refused by it. */
function ceilingEventsOf({ accountId, keys, source }: Attempt, { isCeilingPassed }: Settled): EventDraft[] {
  if (accountId === undefined || !isCeilingPassed) return [];
  const fold = { key: keys.account, by: 'day' as const };
  return [{ ...source, action: 'RATE_LIMITED', accountId, reason: 'ACCOUNT_CEILING', fold }];
}

function noticesOf(attempt: Attempt, settled: Settled): OutboxDraft[] {
  const { accountId, credential, source } = attempt;
  if (accountId === undefined) return [];
  const occasion = occasionOf(accountId, source);
  const notices: OutboxDraft[] = [];
  if (settled.isLockNoticeDue) {
    const payload = { ...occasion, credential, waitSeconds: settled.waitSeconds };
    notices.push({ topic: 'locked-out', payload });
  }
  if (settled.isCeilingPassed) {
    const uniqueKey = `attempts-ceiling/${credential}/${accountId}/${occasion.at.slice(0, 10)}`;
    const payload = { ...occasion, credential, failures: settled.failures };
    notices.push({ topic: 'attempts-ceiling-passed', payload, uniqueKey });
  }
  return notices;
}
