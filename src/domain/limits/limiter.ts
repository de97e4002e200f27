import { sql } from 'kysely';
import { v7 as newId } from 'uuid';
import type { Database } from '../database.js';
import type { Keyring } from '../crypto/keyring.js';
import { RateLimitedError } from '../errors.js';
import type { Meter } from '../meter.js';
import type { DomainSettings } from '../settings.js';
import type { EventSource } from '../events/event-source.js';
import { raise } from '../events/raise.js';
import type { LimitPolicy } from './limit-policy.js';

/** Which guesses are counted together: passwords and recovery codes apart. */
export type Credential = 'password' | 'code';

/** `FAILURE` counts, `SUCCESS` clears, `RETURNED` does neither. */
export type AttemptOutcome = 'SUCCESS' | 'FAILURE' | 'RETURNED';

/** Who tries what, from where. */
export interface AttemptBy {
  readonly policy: LimitPolicy;
  readonly credential: Credential;
  /** The address in its compared form, whether or not somebody has it; for an account without one, its id. */
  readonly subject: string;
  readonly accountId: string | undefined;
  /** The network (IPv4 address, or /64); undefined: address limits are skipped. */
  readonly network: string | undefined;
  /** Signed in from here lately: strangers' failures elsewhere do not close the door. */
  readonly isKnownNetwork?: boolean;
  /** Who the audit says it was. */
  readonly source: EventSource;
}

export interface Attempt extends AttemptBy {
  readonly id: string;
  readonly keys: AttemptKeys;
}

/** What an ended attempt leads to. */
export interface Settled {
  /** The account is locked for this caller, and its owner has not been told within 24 h. */
  readonly isLockNoticeDue: boolean;
  /** ACCOUNT_PASSWORD_CEILING failures in a row, from wherever. */
  readonly isCeilingPassed: boolean;
  /** What is left of the caller's window, in seconds. */
  readonly waitSeconds: number;
  /** In a row, from all addresses together. */
  readonly failures: number;
}

/** The wait before codes may be issued again; null: now. */
export type IssueCooldown = { readonly retryAt: Date; readonly retryAfterSeconds: number } | null;

interface AttemptKeys {
  readonly pair: Buffer;
  readonly account: Buffer;
  readonly address: Buffer | null;
}

interface Refused {
  readonly key: Buffer;
  readonly source: EventSource;
  readonly accountId: string | undefined;
}

/** What the limiter says to one wish. */
export interface Decision {
  readonly isAdmitted: boolean;
  readonly retryAt: Date;
  readonly retryAfterSeconds: number;
}

const NO_CEILING = 2_147_483_647;
const HOUR = 3_600;
const DAY = 24 * HOUR;
const MAILS_AN_HOUR = 3;
const MAILS_A_DAY = 10;
const MAILS_AN_HOUR_FROM_ADDRESS = 20;

/**
 * Every limit of the service, kept in the database so that any number of processes agree. Each decision is one atomic
 * statement that stands alone and commits: an attempt takes a slot before anything is hashed, and open slots count as
 * failures, so that guesses sent together are not more than guesses sent one by one.
 */
export class Limiter {
  constructor(
    private readonly db: Database,
    private readonly keyring: Keyring,
    private readonly parts: { readonly limits: DomainSettings['limits']; readonly meter: Meter },
  ) {}

  /**
   * Takes a slot for one guess at a password or code.
   * @throws RateLimitedError until `retryAt`; the told wait is the enforced wait.
   */
  async beginAttempt(by: AttemptBy): Promise<Attempt> {
    const id = newId();
    const keys = this.#attemptKeys(by);
    const { rows } = await sql<Decision>`
      select * from take_attempt(${id}, ${keys.pair}, ${keys.account}, ${keys.address}, ${this.#attemptLimits(by)})
    `.execute(this.db);
    const attempt = { ...by, id, keys };
    const key = by.accountId === undefined ? this.#nobodysKey(by, keys) : keys.pair;
    await this.#admit(rows, by.policy, { key, source: by.source, accountId: by.accountId });
    return attempt;
  }

  /** Ends an attempt; call it once, whatever happened. */
  async endAttempt(attempt: Attempt, outcome: AttemptOutcome): Promise<Settled> {
    const { id, keys } = attempt;
    const { rows } = await sql<Settled>`
      select * from settle_attempt(
        ${id}, ${keys.pair}, ${keys.account}, ${keys.address}, ${outcome}, ${this.#attemptLimits(attempt)})
    `.execute(this.db);
    return rows[0] as Settled;
  }

  /**
   * Admits one issuing of codes at a time, and none within the window that the last one opened.
   * @throws RateLimitedError as for attempts; every press but the first grows the window.
   */
  async beginIssue(accountId: string, source: EventSource): Promise<string> {
    const id = newId();
    const key = this.#generateKey(accountId);
    const { rows } = await sql<Decision>`
      select * from take_cooldown(${id}, ${key}, ${this.#windows()})
    `.execute(this.db);
    await this.#admit(rows, 'GENERATE', { key, source, accountId });
    return id;
  }

  /** Opens the window that an issue leads to, in the issuing transaction. */
  async endIssue(tx: Database, accountId: string, id: string): Promise<void> {
    await this.#settleIssue(tx, { accountId, id, isIssued: true });
  }

  /** Ends an admitted issue that came to nothing; no window is opened. */
  async cancelIssue(accountId: string, id: string): Promise<void> {
    await this.#settleIssue(this.db, { accountId, id, isIssued: false });
  }

  async #settleIssue(db: Database, of: { accountId: string; id: string; isIssued: boolean }): Promise<void> {
    await sql`
      select settle_cooldown(${of.id}, ${this.#generateKey(of.accountId)}, ${of.isIssued}, ${this.#windows()})
    `.execute(db);
  }

  /** Until when each of these accounts may not issue, in their order. */
  async issueCooldowns(accountIds: readonly string[]): Promise<readonly IssueCooldown[]> {
    const keys = accountIds.map((id) => this.#generateKey(id));
    const { rows } = await sql<{ key: Buffer; retryAt: Date; retryAfterSeconds: number }>`
      select key, blocked_until as retry_at, seconds_until(blocked_until, sparekey_now()) as retry_after_seconds
      from rate_limits where key = any(${keys}::bytea[]) and blocked_until > sparekey_now()
    `.execute(this.db);
    const byKey = new Map(rows.map(({ key, ...cooldown }) => [key.toString('hex'), cooldown]));
    return keys.map((key) => byKey.get(key.toString('hex')) ?? null);
  }

  /** Whether one mail more may be sent to this recipient at the wish of this network; counts it when it may. */
  async admitsMail(recipientKey: string, network: string | undefined): Promise<boolean> {
    const { isAdmitted } = await this.takeMail(this.db, recipientKey, network);
    if (!isAdmitted) this.parts.meter.refusal('SEND_MAIL');
    return isAdmitted;
  }

  /** The same within a transaction that sends it or does not; a refusal is to be told by `refuseMail` after it. */
  async takeMail(tx: Database, recipientKey: string, network: string | undefined): Promise<Decision> {
    const quotas = [
      { key: this.#key('mail-hour', recipientKey), maximum: MAILS_AN_HOUR, seconds: HOUR },
      { key: this.#key('mail-day', recipientKey), maximum: MAILS_A_DAY, seconds: DAY },
    ];
    if (network !== undefined) {
      quotas.push({ key: this.#key('mail-address', network), maximum: MAILS_AN_HOUR_FROM_ADDRESS, seconds: HOUR });
    }
    const { rows } = await sql<Decision>`
      select * from take_quota(
        ${quotas.map((quota) => quota.key)}::bytea[],
        ${quotas.map((quota) => quota.maximum)}::int[],
        ${quotas.map((quota) => quota.seconds)}::int[])
    `.execute(tx);
    return rows[0] as Decision;
  }

  /** Notes such a refusal, and returns what to answer. */
  async refusedMail(
    decision: Decision,
    by: { readonly accountId: string; readonly source: EventSource },
  ): Promise<Error> {
    const key = this.#key('mail-refused', by.accountId);
    return await this.#refused(decision, 'SEND_MAIL', { key, ...by });
  }

  /** Forgets every failure and window of the account, for both credentials or for one, and from all addresses. */
  async unlock(
    db: Database,
    subject: string,
    credentials: readonly Credential[] = ['password', 'code'],
  ): Promise<void> {
    const owners = credentials.map((credential) => this.#key('account', credential, subject));
    await sql`
      with locked as (
        select key from rate_limits where key = any(${owners}::bytea[]) or owner_key = any(${owners}::bytea[])
        order by key for update
      )
      update rate_limits r set count = 0, step = 0, is_told = false, blocked_until = null, counted_since = null,
        last_counted_at = null, noticed_at = null
      from locked where r.key = locked.key
    `.execute(db);
  }

  async #admit([decision]: readonly Decision[], policy: LimitPolicy, refused: Refused): Promise<void> {
    if (decision === undefined || decision.isAdmitted) return;
    throw await this.#refused(decision, policy, refused);
  }

  async #refused({ retryAt, retryAfterSeconds }: Decision, policy: LimitPolicy, of: Refused): Promise<Error> {
    const { key, source, accountId } = of;
    this.parts.meter.refusal(policy);
    const fold = { key, by: 'hour' as const };
    await raise(this.db, [{ ...source, action: 'RATE_LIMITED', accountId, reason: policy, fold }]);
    return new RateLimitedError(retryAt, retryAfterSeconds);
  }

  /** Attempts on what nobody has are one event for all that come from somewhere, or made-up names would fill the table. */
  #nobodysKey({ source: { serviceKeyId }, network }: AttemptBy, { address, pair }: AttemptKeys): Buffer {
    return serviceKeyId === undefined ? (address ?? pair) : this.#key('nobody', serviceKeyId, network ?? '');
  }

  #attemptKeys({ credential, subject, network }: AttemptBy): AttemptKeys {
    return {
      pair: this.#key('pair', credential, subject, network ?? ''),
      account: this.#key('account', credential, subject),
      address: network === undefined ? null : this.#key('address', network),
    };
  }

  #generateKey(accountId: string): Buffer {
    return this.#key('generate', accountId);
  }

  #key(...parts: string[]): Buffer {
    return this.keyring.mark('limits', ...parts);
  }

  #attemptLimits({ credential, isKnownNetwork }: AttemptBy): string {
    const { maxAttempts, accountPasswordCeiling, addressFailuresPerHour } = this.parts.limits;
    const isClosedByCeiling = credential === 'password' && isKnownNetwork !== true;
    return JSON.stringify({
      ...JSON.parse(this.#windows()),
      max: maxAttempts,
      ceiling: isClosedByCeiling ? accountPasswordCeiling : NO_CEILING,
      noticeCeiling: accountPasswordCeiling,
      perHour: addressFailuresPerHour,
    });
  }

  #windows(): string {
    const { cooldownBaseSeconds, cooldownMultiplier, cooldownCutoffSeconds } = this.parts.limits;
    return JSON.stringify({ base: cooldownBaseSeconds, multiplier: cooldownMultiplier, cutoff: cooldownCutoffSeconds });
  }
}
