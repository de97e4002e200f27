import { sql } from 'kysely';
import type { Origin, SignedIn } from '../access/viewer.js';
import type { Database } from '../database.js';
import { InvalidCredentialsError, ReauthenticationRequiredError } from '../errors.js';
import { sourceOf } from '../events/event-source.js';
import type { Attempts } from '../limits/attempts.js';
import type { LimitPolicy } from '../limits/limit-policy.js';
import { isKnownNetwork } from './known-network.js';
import type { PasswordHasher } from './password-hasher.js';

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
    const { rows } = await sql<{ passwordHash: string | null; isKnownNetwork: boolean }>`
      select a.password_hash, ${isKnownNetwork('a', origin)} as is_known_network from accounts a
      where a.id = ${viewer.accountId}
    `.execute(this.db);
    const [account] = rows;
    const by = {
      policy: 'SIGN_IN' as LimitPolicy,
      credential: 'password' as const,
      subject: viewer.limitSubject,
      accountId: viewer.accountId,
      network: origin.network,
      isKnownNetwork: account?.isKnownNetwork === true,
      source: sourceOf(viewer, origin),
    };
    const matches = await this.attempts.run(by, async () => {
      const value = await this.parts.passwords.verify(currentPassword, account?.passwordHash);
      const rejection = { ...by.source, action: 'SIGN_IN_REJECTED' as const, accountId: viewer.accountId };
      return { outcome: value ? 'SUCCESS' : 'FAILURE', value, rejection };
    });
    if (!matches) throw new InvalidCredentialsError();
  }
}
