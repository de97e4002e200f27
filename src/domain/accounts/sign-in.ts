import { sql } from 'kysely';
import { v7 as newId } from 'uuid';
import type { Origin, SignInMethod, Viewer } from '../access/viewer.js';
import { requireSignedIn } from '../access/rules.js';
import type { BatchHashings } from '../codes/batch-hashing.js';
import type { CodeHasher } from '../codes/code-hash.js';
import { spendCode } from '../codes/spend-code.js';
import type { Keyring } from '../crypto/keyring.js';
import type { Database } from '../database.js';
import {
  BadUserInputError,
  ForbiddenError,
  InvalidCredentialsError,
  InvalidTokenError,
  RefreshTokenReusedError,
  SessionExpiredError,
} from '../errors.js';
import { sourceOf, sourceOfAnonymous } from '../events/event-source.js';
import { occasionOf } from '../events/occasion.js';
import type { OutboxDraft } from '../events/outbox-topics.js';
import { foldKey, raise } from '../events/raise.js';
import type { Attempts } from '../limits/attempts.js';
import type { AttemptBy, Credential } from '../limits/limiter.js';
import type { Meter } from '../meter.js';
import type { DomainSettings } from '../settings.js';
import { type Account, accountsById } from './account.js';
import type { AccessToken, AccessTokens, SignAccessToken } from './access-tokens.js';
import { type Credentials, credentialsOf } from './credentials.js';
import { emailKeyOf } from './email.js';
import type { PasswordHasher } from './password-hasher.js';
import type { SessionCache } from './session-cache.js';
import { verificationWanted } from './verification-wanted.js';
import { openSession, revokeSession, rotateRefreshToken, type Rotation, type Session } from './sessions.js';

/** A session with what its owner needs to use it. */
export interface SignedInSession {
  readonly accessToken: AccessToken;
  readonly refreshToken: string;
  readonly session: Session;
  readonly account: Account;
  /** After a recovery-code sign-in: how many codes still work. */
  readonly remainingCount?: number;
}

interface Parts {
  readonly settings: DomainSettings;
  readonly keyring: Keyring;
  readonly passwords: PasswordHasher;
  readonly hasher: CodeHasher;
  readonly hashings: BatchHashings;
  readonly attempts: Attempts;
  readonly accessTokens: AccessTokens;
  readonly sessions: SessionCache;
  readonly meter: Meter;
}

interface Claim {
  readonly emailKey: string;
  readonly found: Credentials | undefined;
  readonly origin: Origin;
  readonly sign: SignAccessToken;
}

/** Signing in, staying in, and signing out. */
export class SignIn {
  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {}

  /** @throws InvalidCredentialsError (alike for unknown, unverified and wrong), RateLimitedError */
  async withPassword(
    origin: Origin,
    input: { readonly email: string; readonly password: string },
  ): Promise<SignedInSession> {
    const claim = await this.#claim(origin, input.email);
    const opened = await this.parts.attempts.run(attemptBy(claim, 'password'), async () => {
      const matches = await this.parts.passwords.verify(input.password, verified(claim)?.passwordHash);
      if (!matches) return { outcome: 'FAILURE', value: undefined, ...rejectionOf(claim) };
      const value = await this.db
        .transaction()
        .execute((tx) => this.#open(tx, claim, { method: 'PASSWORD', id: newId() }));
      // Another password has come in between, or the account has gone.
      if (value === undefined) return { outcome: 'FAILURE', value, ...rejectionOf(claim) };
      return { outcome: 'SUCCESS', value };
    });
    if (opened === undefined) throw new InvalidCredentialsError();
    return opened;
  }

  /**
   * Spends a recovery code to sign in; the code and the session are one transaction. With RECOVERY_SIGN_IN=with-password
   * the password is asked too, and a wrong one spends no code.
   * @throws ForbiddenError where it is switched off, BadUserInputError, InvalidCredentialsError, RateLimitedError
   */
  async withRecoveryCode(
    origin: Origin,
    input: { readonly email: string; readonly code: string; readonly password?: string | null },
  ): Promise<SignedInSession> {
    const mode = this.parts.settings.accounts.recoverySignIn;
    if (mode === 'OFF') throw new ForbiddenError('Signing in by recovery code is switched off here.');
    if (mode === 'WITH_PASSWORD' && typeof input.password !== 'string') {
      throw new BadUserInputError('password', 'Give the password with the code.');
    }
    const claim = await this.#claim(origin, input.email);
    const byCode = () => this.#spend(claim, input.code);
    const opened =
      mode === 'WITH_PASSWORD' ? await this.#checkingPassword(claim, input.password as string, byCode) : await byCode();
    if (opened === undefined) throw new InvalidCredentialsError();
    return opened;
  }

  /**
   * Exchanges a refresh token for its successor and a new access token.
   * @throws BadUserInputError, InvalidTokenError, SessionExpiredError, RefreshTokenReusedError (its session has been
   *   ended, and stays so)
   */
  async refresh(origin: Origin, presented: string | null): Promise<SignedInSession> {
    if (presented === null) throw new BadUserInputError('refreshToken', 'Give the refresh token.');
    const { refreshGraceSeconds: graceSeconds } = this.parts.settings.accounts;
    const sign = await this.parts.accessTokens.signer();
    const rotation = await this.db.transaction().execute(async (tx) => {
      const rotated = await rotateRefreshToken(tx, this.parts.keyring, { presented, graceSeconds });
      if (rotated.kind === 'reused') await recordReuse(tx, origin, rotated);
      return rotated.kind === 'rotated' ? { ...rotated, ...(await usable(tx, rotated.session, sign)) } : rotated;
    });
    switch (rotation.kind) {
      case 'rotated':
        return rotation;
      case 'reused':
        this.parts.sessions.forget([rotation.session.id]);
        throw new RefreshTokenReusedError();
      case 'expired':
        throw new SessionExpiredError();
      case 'unknown':
        throw new InvalidTokenError();
    }
  }

  /** Ends the session and wipes what it held of plaintext. */
  async signOut(viewer: Viewer, origin: Origin): Promise<void> {
    const me = requireSignedIn(viewer);
    await this.db.transaction().execute(async (tx) => {
      if (!(await revokeSession(tx, me.sessionId))) return;
      await raise(tx, [{ ...sourceOf(me, origin), action: 'SIGNED_OUT', accountId: me.accountId }]);
    });
    this.parts.sessions.forget([me.sessionId]);
  }

  async #claim(origin: Origin, email: string): Promise<Claim> {
    const emailKey = emailKeyOf(email);
    const sign = await this.parts.accessTokens.signer();
    return { emailKey, origin, sign, found: await credentialsOf(this.db, emailKey, origin) };
  }

  async #spend(claim: Claim, code: string): Promise<SignedInSession | undefined> {
    const accountId = verified(claim)?.accountId;
    return await this.parts.attempts.run(attemptBy(claim, 'code'), async () => {
      const { batchId, hashing } = await this.parts.hashings.activeTarget(accountId, claim.emailKey);
      const hash = await this.parts.hasher.hash(code, hashing);
      const sessionId = newId();
      const value = await this.#committingOnlyASpend(async (tx) => {
        await sql`select 1 from accounts where id = ${accountId ?? sessionId} for no key update`.execute(tx);
        const source = {
          ...sourceOfAnonymous(claim.origin),
          actorId: accountId,
          sessionId,
          method: 'RECOVERY_CODE' as const,
        };
        const batch = await spendCode(tx, { batchId, hash, isSignIn: true, source });
        const opened = batch && (await this.#open(tx, claim, { method: 'RECOVERY_CODE', id: sessionId }));
        return opened && { ...opened, remainingCount: batch.remainingCount };
      });
      this.parts.meter.spend(value === undefined ? 'rejected' : 'signed-in');
      if (value === undefined) return { outcome: 'FAILURE', value, ...rejectionOf(claim, 'RECOVERY_CODE') };
      return { outcome: 'SUCCESS', value };
    });
  }

  /** A wrong code is rolled back: flushing a commit would take a known account longer than an unknown one. */
  async #committingOnlyASpend<T>(spend: (tx: Database) => Promise<T | undefined>): Promise<T | undefined> {
    const nothingSpent = new Error('nothing spent');
    const work = async (tx: Database) => {
      const spent = await spend(tx);
      if (spent === undefined) throw nothingSpent;
      return spent;
    };
    return await this.db
      .transaction()
      .execute(work)
      .catch((error: unknown) => {
        if (error === nothingSpent) return undefined;
        throw error;
      });
  }

  /** Clears the password's failures only when the whole sign-in succeeds, so that a code cannot be guessed for free. */
  async #checkingPassword<T>(
    claim: Claim,
    password: string,
    next: () => Promise<T | undefined>,
  ): Promise<T | undefined> {
    return await this.parts.attempts.run<T | undefined>(attemptBy(claim, 'password'), async () => {
      const matches = await this.parts.passwords.verify(password, verified(claim)?.passwordHash);
      if (!matches) return { outcome: 'FAILURE', value: undefined, ...rejectionOf(claim) };
      const value = await next();
      return { outcome: value === undefined ? 'RETURNED' : 'SUCCESS', value };
    });
  }

  /**
   * All that its owner needs is made before the commit: nothing that can fail comes after it. Undefined where a password
   * that was asked for is no longer the account's, or the account is gone.
   */
  async #open(
    tx: Database,
    claim: Claim,
    by: { readonly method: SignInMethod; readonly id: string },
  ): Promise<SignedInSession | undefined> {
    const { accountId, passwordHash } = claim.found as Credentials;
    const { refreshTokenTtlSeconds: ttlSeconds, recoverySignIn } = this.parts.settings.accounts;
    const isByPassword = by.method === 'PASSWORD' || recoverySignIn === 'WITH_PASSWORD';
    const proven = isByPassword && passwordHash !== null ? { passwordHash } : {};
    const opened = await openSession(tx, { ...by, ...proven, accountId, origin: claim.origin, ttlSeconds });
    return opened && { ...opened, accessToken: await claim.sign({ accountId, sessionId: by.id }) };
  }
}

/** What the owner of a refreshed session needs beside its tokens. */
async function usable(tx: Database, { id: sessionId, accountId }: Session, sign: SignAccessToken) {
  const [account] = await accountsById(tx, [accountId]);
  if (account === undefined) throw new SessionExpiredError();
  return { account, accessToken: await sign({ accountId, sessionId }) };
}

/** The account of a claim as far as it may sign in: an unverified one may not, and reads as unknown. */
function verified({ found }: Claim): Credentials | undefined {
  return found?.isVerified === true ? found : undefined;
}

function attemptBy(claim: Claim, credential: Credential): AttemptBy {
  const { found, origin } = claim;
  return {
    policy: 'SIGN_IN',
    credential,
    subject: claim.emailKey,
    accountId: found?.accountId,
    network: origin.network,
    isKnownNetwork: found?.isKnownNetwork === true,
    source: sourceOfAnonymous(origin),
  };
}

/** What a failure leaves. An account that waits for its verification gets a new link, within the mail limits. */
function rejectionOf(claim: Claim, method: SignInMethod = 'PASSWORD') {
  const { found, origin } = claim;
  const accountId = found?.accountId;
  const fold = { key: foldKey(method, accountId ?? '', origin.network ?? ''), by: 'hour' as const };
  const action = 'SIGN_IN_REJECTED' as const;
  return { rejection: { ...sourceOfAnonymous(origin), action, accountId, method, fold }, messages: newLinkFor(claim) };
}

function newLinkFor({ found, origin }: Claim): OutboxDraft[] {
  if (found === undefined || found.isVerified) return [];
  return [verificationWanted(found.email, origin)];
}

async function recordReuse(tx: Database, origin: Origin, { session, isFirst }: Extract<Rotation, { kind: 'reused' }>) {
  const { accountId, id: sessionId } = session;
  const fold = { key: foldKey(sessionId), by: 'hour' as const };
  const event = { ...sourceOfAnonymous(origin), action: 'REFRESH_TOKEN_REUSED' as const, accountId, sessionId, fold };
  const payload = occasionOf(accountId, sourceOfAnonymous(origin));
  await raise(tx, [event], isFirst ? [{ topic: 'refresh-token-reused', payload }] : []);
}
