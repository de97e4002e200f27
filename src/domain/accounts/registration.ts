import { sql } from 'kysely';
import { isSomebodyElse } from '../access/rules.js';
import type { Origin, Viewer } from '../access/viewer.js';
import type { Keyring } from '../crypto/keyring.js';
import type { Database } from '../database.js';
import { ForbiddenError, InvalidCredentialsError, InvalidTokenError } from '../errors.js';
import { sourceOfAnonymous } from '../events/event-source.js';
import { type EventDraft, raise } from '../events/raise.js';
import { sealForOutbox } from '../events/sealed-part.js';
import type { Limiter } from '../limits/limiter.js';
import type { DomainSettings } from '../settings.js';
import { emailKeyOf, parseEmail } from './email.js';
import type { PasswordHasher } from './password-hasher.js';
import { checkNewPassword } from './password-policy.js';
import { silencedMail } from './silenced-mail.js';
import { verificationWanted } from './verification-wanted.js';
import { findLiveToken, issueToken, type LiveToken, useToken } from './verification-tokens.js';

interface Parts {
  readonly settings: DomainSettings;
  readonly keyring: Keyring;
  readonly passwords: PasswordHasher;
  readonly limiter: Limiter;
}

const PURPOSE = 'EMAIL_VERIFICATION';

/**
 * How an address becomes an account. Answers alike for known and unknown addresses, and for the same work: what depends on
 * the address is done after the answer (`PendingRegistrations`). A pending registration's password waits on its token,
 * so that whoever verifies the address chose it.
 */
export class Registration {
  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {}

  /** @throws ForbiddenError where registration is closed, BadUserInputError for an address or password that cannot be. */
  async register(origin: Origin, input: { readonly email: string; readonly password: string }): Promise<void> {
    const { settings, keyring, passwords, limiter } = this.parts;
    if (!settings.accounts.registrationOpen) throw new ForbiddenError('Registration is closed here.');
    const email = parseEmail(input.email);
    await checkNewPassword(input.password, {
      path: 'password',
      email: email.address,
      siteName: settings.server.siteName,
      minLength: settings.accounts.minPasswordLength,
    });
    // The limits come before the hash, or registering would be a way to keep every password waiting.
    const isAdmitted = await limiter.admitsMail(email.key, origin.network);
    const sealed = isAdmitted ? sealForOutbox(keyring, await passwords.hash(input.password)) : undefined;
    const from = { ipAddress: origin.address ?? null, userAgent: origin.userAgent ?? null };
    const payload = { email: email.address, ...from };
    await raise(this.db, isAdmitted ? [] : [silencedMail(sourceOfAnonymous(origin), origin)], [
      { topic: 'registration-requested', payload, ...(sealed && { sealed }) },
    ]);
  }

  /** Leads to a new link where the address waits for its verification; to nothing, silently, for any other. */
  async resendVerification(origin: Origin, typed: string): Promise<void> {
    await raise(this.db, [], [verificationWanted(parseEmail(typed).address, origin)]);
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
    const token = await this.#find(this.db, input.token);
    if (token === undefined || isSomebodyElse(viewer, token.accountId)) throw new InvalidTokenError();
    const isPasswordGiven = typeof input.password === 'string' && input.password !== '';
    if (isPasswordGiven && !(await this.parts.passwords.verify(input.password, token.passwordHash))) {
      throw new InvalidCredentialsError();
    }
    const isVerified = await this.db.transaction().execute(async (tx) => {
      await sql`select 1 from accounts where id = ${token.accountId} for no key update`.execute(tx);
      // What was registered until now counts, and a token that somebody else used meanwhile does not.
      const live = await this.#find(tx, input.token);
      if (live === undefined || !(await useToken(tx, live))) return false;
      const passwordHash = isPasswordGiven || live.registrations === 1 ? live.passwordHash : null;
      await sql`
        update accounts set email_verified_at = sparekey_now(), password_hash = ${passwordHash} where id = ${live.accountId}
      `.execute(tx);
      const event = { ...sourceOfAnonymous(origin), action: 'EMAIL_VERIFIED' as const, accountId: live.accountId };
      await this.#recordVerified(tx, { token: live, event, wantsPassword: passwordHash === null });
      return true;
    });
    if (!isVerified) throw new InvalidTokenError();
  }

  async #find(db: Database, secret: string): Promise<LiveToken | undefined> {
    const registeredWithinSeconds = this.parts.settings.accounts.emailVerificationTtlSeconds;
    return await findLiveToken(db, secret, { purpose: PURPOSE, registeredWithinSeconds });
  }

  async #recordVerified(
    tx: Database,
    { token, event, wantsPassword }: { token: LiveToken; event: EventDraft; wantsPassword: boolean },
  ): Promise<void> {
    if (!wantsPassword) return await raise(tx, [event]);
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
    await raise(tx, [event], [{ topic: 'password-wanted', payload, sealed }]);
  }
}
