import { sql } from 'kysely';
import type { Origin, SignedIn } from '../access/viewer.js';
import type { Database } from '../database.js';
import { ForbiddenError, InvalidCredentialsError, ReauthenticationRequiredError } from '../errors.js';
import { sourceOf } from '../events/event-source.js';
import type { Attempts } from '../limits/attempts.js';
import type { LimitPolicy } from '../limits/limit-policy.js';
import { isKnownNetwork } from './known-network.js';
import type { PasswordHasher } from './password-hasher.js';

interface Held {
  readonly passwordHash: string | null;
  readonly isLocal: boolean;
  readonly isKnownNetwork: boolean;
}

/** Step-up: what is worth stealing a session for asks who is there once more. */
export class Reauthentication {
  constructor(
    private readonly db: Database,
    private readonly attempts: Attempts,
    private readonly parts: { readonly passwords: PasswordHasher; readonly stepUpSeconds: number },
  ) {}

  /**
   * Passes who signed in within STEP_UP_SECONDS, or gives the current password. A wrong one counts as a failed sign-in.
   * @throws ReauthenticationRequiredError, InvalidCredentialsError, RateLimitedError
   */
  async require(viewer: SignedIn, origin: Origin, currentPassword: string | null | undefined): Promise<void> {
    if (viewer.secondsSinceAuthentication <= this.parts.stepUpSeconds) return;
    if (currentPassword === null || currentPassword === undefined) throw new ReauthenticationRequiredError();
    const held = await this.#held(viewer, origin);
    if (!(await this.#matches(viewer, origin, { held, currentPassword }))) throw new InvalidCredentialsError();
  }

  /**
   * Passes only who gives the current password, however lately they signed in. Returns its hash: whatever is done because
   * of it has to find that hash still there. A wrong one counts as a failed sign-in.
   * @throws ForbiddenError for an account without a password, InvalidCredentialsError, RateLimitedError
   */
  async byPassword(viewer: SignedIn, origin: Origin, currentPassword: string): Promise<string> {
    const held = await this.#held(viewer, origin);
    if (held?.passwordHash === null) throw new ForbiddenError(withoutPassword(held));
    const matches = await this.#matches(viewer, origin, { held, currentPassword });
    if (!matches || held === undefined) throw new InvalidCredentialsError();
    return held.passwordHash;
  }

  async #held({ accountId }: SignedIn, origin: Origin): Promise<Held | undefined> {
    const { rows } = await sql<Held>`
      select a.password_hash, a.origin = 'LOCAL' as is_local, ${isKnownNetwork('a', origin)} as is_known_network
      from accounts a where a.id = ${accountId}
    `.execute(this.db);
    return rows[0];
  }

  async #matches(
    viewer: SignedIn,
    origin: Origin,
    { held, currentPassword }: { readonly held: Held | undefined; readonly currentPassword: string },
  ): Promise<boolean> {
    const { accountId, limitSubject: subject } = viewer;
    const by = {
      policy: 'SIGN_IN' as LimitPolicy,
      credential: 'password' as const,
      subject,
      accountId,
      network: origin.network,
      isKnownNetwork: held?.isKnownNetwork === true,
      source: sourceOf(viewer, origin),
    };
    return await this.attempts.run(by, async () => {
      const value = await this.parts.passwords.verify(currentPassword, held?.passwordHash);
      const rejection = { ...by.source, action: 'SIGN_IN_REJECTED' as const, accountId };
      return { outcome: value ? 'SUCCESS' : 'FAILURE', value, rejection };
    });
  }
}

function withoutPassword({ isLocal }: Held): string {
  return isLocal
    ? 'This account has no password yet. Have a link to set one mailed to you: requestPasswordReset.'
    : 'This account has no password here: it signs in elsewhere.';
}
