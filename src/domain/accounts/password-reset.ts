import { sql } from 'kysely';
import { isSomebodyElse } from '../access/rules.js';
import type { Origin, Viewer } from '../access/viewer.js';
import type { Database } from '../database.js';
import { InvalidTokenError } from '../errors.js';
import { type EventSource, sourceOfAnyone } from '../events/event-source.js';
import { raise } from '../events/raise.js';
import type { Limiter } from '../limits/limiter.js';
import type { DomainSettings } from '../settings.js';
import { emailKeyOf, parseEmail } from './email.js';
import { setPassword } from './new-password.js';
import type { PasswordHasher } from './password-hasher.js';
import { checkNewPassword } from './password-policy.js';
import type { SessionCache } from './session-cache.js';
import { findLiveToken, type LiveToken, useToken } from './verification-tokens.js';

interface Parts {
  readonly settings: DomainSettings;
  readonly passwords: PasswordHasher;
  readonly limiter: Limiter;
  readonly sessions: SessionCache;
}

interface Reset {
  readonly token: string;
  readonly newPassword: string;
  /** Whoever holds the mailbox must not take the owner's last way in along, unless they say so. */
  readonly revokeRecoveryCodes: boolean;
}

/**
 * How whoever holds the mailbox comes by a password. Asking answers alike for known and unknown addresses, and for the
 * same work: what depends on the address is done after the answer (`PendingPasswordResets`).
 */
export class PasswordReset {
  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {}

  /** Leads to a link where the address has an account; to nothing, silently, for any other. @throws BadUserInputError */
  async request(origin: Origin, typed: string): Promise<void> {
    const { network = null, address: ipAddress = null, userAgent = null } = origin;
    const payload = { email: parseEmail(typed).address, network, ipAddress, userAgent };
    await raise(this.db, [], [{ topic: 'password-reset-wanted', payload }]);
  }

  /**
   * Takes the token of a mailed link and ends everything that went by the old password: all sessions, all other tokens,
   * the failures that were counted. The mailbox was proved, so that the address counts as verified.
   * @throws InvalidTokenError, BadUserInputError for a password that cannot be (the token stays usable)
   */
  async reset(viewer: Viewer, origin: Origin, input: Reset): Promise<void> {
    const token = await find(this.db, input.token);
    if (token === undefined || isSomebodyElse(viewer, token.accountId)) throw new InvalidTokenError();
    await this.#check(input.newPassword, token.email);
    const passwordHash = await this.parts.passwords.hash(input.newPassword);
    const source = sourceOfAnyone(viewer, origin);
    const { accountId } = token;
    const ended = await this.db.transaction().execute(async (tx) => {
      const live = await lockedWithToken(tx, accountId, input.token);
      return live && (await this.#take(tx, live, { ...input, passwordHash, source }));
    });
    if (ended === undefined) throw new InvalidTokenError();
    this.parts.sessions.forget(ended);
  }

  async #check(newPassword: string, email: string): Promise<void> {
    const { server, accounts } = this.parts.settings;
    const about = { email, siteName: server.siteName, minLength: accounts.minPasswordLength };
    await checkNewPassword(newPassword, { ...about, path: 'newPassword' });
  }

  /** The sessions that ended; undefined where somebody else has used the token meanwhile. */
  async #take(
    tx: Database,
    token: LiveToken,
    by: Pick<Reset, 'revokeRecoveryCodes'> & { readonly passwordHash: string; readonly source: EventSource },
  ): Promise<readonly string[] | undefined> {
    if (!(await useToken(tx, token))) return undefined;
    const { accountId } = token;
    const { passwordHash, revokeRecoveryCodes: revokesCodes, source } = by;
    await verify(tx, accountId, source);
    await this.parts.limiter.unlock(tx, emailKeyOf(token.email), ['password']);
    return await setPassword(tx, { accountId, passwordHash, reason: 'reset', revokesCodes, source });
  }
}

async function find(db: Database, secret: string): Promise<LiveToken | undefined> {
  return await findLiveToken(db, secret, { purpose: 'PASSWORD_RESET', registeredWithinSeconds: 0 });
}

/** The token as it is once nobody else changes its account. */
async function lockedWithToken(tx: Database, accountId: string, secret: string): Promise<LiveToken | undefined> {
  await sql`select 1 from accounts where id = ${accountId} for no key update`.execute(tx);
  return await find(tx, secret);
}

async function verify(tx: Database, accountId: string, source: EventSource): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    update accounts set email_verified_at = sparekey_now() where id = ${accountId} and email_verified_at is null
    returning id
  `.execute(tx);
  if (rows.length > 0) await raise(tx, [{ ...source, action: 'EMAIL_VERIFIED', accountId }]);
}
