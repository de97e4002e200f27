import { type RawBuilder, sql } from 'kysely';
import { v7 as newId } from 'uuid';
import type { Origin, Viewer } from '../access/viewer.js';
import type { Keyring } from '../crypto/keyring.js';
import type { Database } from '../database.js';
import { ForbiddenError, InvalidCredentialsError, InvalidTokenError } from '../errors.js';
import { auditOfAnonymous, occasionOf } from '../events/audit-of.js';
import { type AuditEntry, foldKey, recordEvents } from '../events/record-events.js';
import type { Limiter } from '../limits/limiter.js';
import type { DomainSettings } from '../settings.js';
import { accountsById } from './account.js';
import { type EmailAddress, emailKeyOf, parseEmail } from './email.js';
import type { PasswordHasher } from './password-hasher.js';
import { checkNewPassword } from './password-policy.js';
import { findLiveToken, issueToken, type LiveToken, useToken } from './verification-tokens.js';

interface Parts {
  readonly settings: DomainSettings;
  readonly keyring: Keyring;
  readonly passwords: PasswordHasher;
  readonly limiter: Limiter;
}

interface Registered {
  readonly id: string;
  readonly isVerified: boolean;
}

const PURPOSE = 'EMAIL_VERIFICATION';

/**
 * How an address becomes an account. Answers alike for known and unknown addresses, at the price of one hash each; a
 * pending registration's password waits on its token, so that whoever verifies the address chose it.
 */
export class Registration {
  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {}

  /** @throws ForbiddenError where registration is closed, BadUserInputError for an address or password that cannot be. */
  async register(origin: Origin, input: { readonly email: string; readonly password: string }): Promise<void> {
    const { settings, passwords, limiter } = this.parts;
    if (!settings.accounts.registrationOpen) throw new ForbiddenError('Registration is closed here.');
    const email = parseEmail(input.email);
    await checkNewPassword(input.password, {
      path: 'password',
      email: email.address,
      siteName: settings.server.siteName,
      minLength: settings.accounts.minPasswordLength,
    });
    const passwordHash = await passwords.hash(input.password);
    if (!(await limiter.admitsMail(email.key, origin.network))) return await this.#recordSilence(origin);
    await this.db.transaction().execute(async (tx) => {
      const account = await findOrMakeAccount(tx, email);
      if (account.isVerified) {
        await recordEvents(tx, [], [{ topic: 'registered-again', payload: occasionOf(account.id, origin) }]);
      } else {
        const event = { ...auditOfAnonymous(origin), action: 'ACCOUNT_REGISTERED' as const, accountId: account.id };
        await this.#mailToken(tx, { accountId: account.id, email, passwordHash, events: [event] });
      }
    });
  }

  /** Mails a new link to an address that waits for its verification; does nothing, silently, for any other. */
  async resendVerification(origin: Origin, typed: string): Promise<void> {
    const email = parseEmail(typed);
    if (!(await this.parts.limiter.admitsMail(email.key, origin.network))) return await this.#recordSilence(origin);
    await this.#mailNewLink(sql`a.email_key = ${email.key}`);
  }

  /** The same for the account itself, where somebody tried to sign in to it. */
  async resendVerificationTo(accountId: string, network: string | undefined): Promise<void> {
    const [account] = await accountsById(this.db, [accountId]);
    if (typeof account?.email !== 'string') return;
    if (await this.parts.limiter.admitsMail(emailKeyOf(account.email), network)) {
      await this.#mailNewLink(sql`a.id = ${accountId}`);
    }
  }

  /**
   * Verifies an address. A given password must be the one registered with this token; without one it is taken over only
   * if it was the only one registered lately, else a link to set one is mailed. Voids every other token of the account.
   * @throws InvalidTokenError, InvalidCredentialsError (the token stays usable)
   */
  async verifyEmail(
    viewer: Viewer,
    origin: Origin,
    input: { readonly token: string; readonly password?: string | null },
  ): Promise<void> {
    const ttlSeconds = this.parts.settings.accounts.emailVerificationTtlSeconds;
    const token = await findLiveToken(this.db, input.token, { purpose: PURPOSE, registeredWithinSeconds: ttlSeconds });
    if (token === undefined || (viewer.kind === 'signed-in' && viewer.accountId !== token.accountId)) {
      throw new InvalidTokenError();
    }
    const passwordHash = await this.#acceptedPassword(token, input.password);
    const isVerified = await this.db.transaction().execute(async (tx) => {
      await sql`select 1 from accounts where id = ${token.accountId} for no key update`.execute(tx);
      if (!(await useToken(tx, token))) return false;
      await sql`
        update accounts set email_verified_at = coalesce(email_verified_at, sparekey_now()), password_hash = ${passwordHash}
        where id = ${token.accountId}
      `.execute(tx);
      const event = { ...auditOfAnonymous(origin), action: 'EMAIL_VERIFIED' as const, accountId: token.accountId };
      await this.#recordVerified(tx, { token, event, wantsPassword: passwordHash === null });
      return true;
    });
    if (!isVerified) throw new InvalidTokenError();
  }

  async #mailNewLink(isTheOne: RawBuilder<boolean>): Promise<void> {
    const { rows } = await sql<{ id: string; email: string; passwordHash: string | null }>`
      select a.id, a.email, (
        select t.password_hash from verification_tokens t
        where t.account_id = a.id and t.purpose = ${PURPOSE} and t.used_at is null and t.expires_at > sparekey_now()
        order by t.created_at desc limit 1
      ) as password_hash
      from accounts a where ${isTheOne} and a.origin = 'LOCAL' and a.email_verified_at is null
    `.execute(this.db);
    const [waiting] = rows;
    if (waiting === undefined) return;
    const { id: accountId, passwordHash } = waiting;
    const email = { address: waiting.email, key: emailKeyOf(waiting.email) };
    await this.db.transaction().execute(async (tx) => {
      await this.#mailToken(tx, { accountId, email, passwordHash, events: [] });
    });
  }

  async #acceptedPassword(token: LiveToken, password: string | null | undefined): Promise<string | null> {
    if (password === null || password === undefined || password === '') {
      return token.registrations === 1 ? token.passwordHash : null;
    }
    if (!(await this.parts.passwords.verify(password, token.passwordHash))) throw new InvalidCredentialsError();
    return token.passwordHash;
  }

  async #recordVerified(
    tx: Database,
    { token, event, wantsPassword }: { token: LiveToken; event: AuditEntry; wantsPassword: boolean },
  ): Promise<void> {
    if (!wantsPassword) return await recordEvents(tx, [event]);
    const ttlSeconds = this.parts.settings.accounts.passwordResetTtlSeconds;
    const { accountId } = token;
    const emailKey = emailKeyOf(token.email);
    const sealed = await issueToken(tx, this.parts.keyring, {
      accountId,
      purpose: 'PASSWORD_RESET',
      emailKey,
      ttlSeconds,
    });
    const payload = { accountId, validForSeconds: ttlSeconds };
    await recordEvents(tx, [event], [{ topic: 'password-wanted', payload, sealed }]);
  }

  async #mailToken(
    tx: Database,
    of: {
      readonly accountId: string;
      readonly email: EmailAddress;
      readonly passwordHash: string | null;
      readonly events: readonly AuditEntry[];
    },
  ): Promise<void> {
    const ttlSeconds = this.parts.settings.accounts.emailVerificationTtlSeconds;
    const { accountId, passwordHash } = of;
    const token = { accountId, purpose: PURPOSE, emailKey: of.email.key, passwordHash, ttlSeconds } as const;
    const sealed = await issueToken(tx, this.parts.keyring, token);
    const payload = { accountId, validForSeconds: ttlSeconds };
    await recordEvents(tx, of.events, [{ topic: 'email-verification-requested', payload, sealed }]);
  }

  async #recordSilence(origin: Origin): Promise<void> {
    const fold = { key: foldKey('SEND_MAIL', origin.network ?? ''), by: 'hour' as const };
    await recordEvents(this.db, [{ ...auditOfAnonymous(origin), action: 'RATE_LIMITED', reason: 'SEND_MAIL', fold }]);
  }
}

/** The LOCAL account of the address; of any number of parallel registrations one makes it. */
async function findOrMakeAccount(tx: Database, { address, key }: EmailAddress): Promise<Registered> {
  const { rows } = await sql<Registered>`
    insert into accounts (id, email, email_key) values (${newId()}, ${address}, ${key})
    on conflict (email_key) do update set email_key = excluded.email_key
    returning id, email_verified_at is not null as is_verified
  `.execute(tx);
  return rows[0] as Registered;
}
