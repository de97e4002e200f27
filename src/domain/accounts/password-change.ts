import { requireSignedIn } from '../access/rules.js';
import type { Origin, Viewer } from '../access/viewer.js';
import type { Database } from '../database.js';
import { BadUserInputError, UnauthenticatedError } from '../errors.js';
import { sourceOf } from '../events/event-source.js';
import type { DomainSettings } from '../settings.js';
import { accountsById } from './account.js';
import { setPassword } from './new-password.js';
import { lockProven } from './own-account.js';
import type { PasswordHasher } from './password-hasher.js';
import { checkNewPassword, normalizePassword } from './password-policy.js';
import type { Reauthentication } from './reauthentication.js';
import type { SessionCache } from './session-cache.js';

interface Parts {
  readonly settings: DomainSettings;
  readonly passwords: PasswordHasher;
  readonly reauthentication: Reauthentication;
  readonly sessions: SessionCache;
}

interface Change {
  readonly currentPassword: string;
  readonly newPassword: string;
  readonly revokeRecoveryCodes: boolean;
}

/** Changing one's own password by the current one. */
export class PasswordChange {
  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {}

  /**
   * Ends every other session and voids all mailed tokens; this session stays.
   * @throws BadUserInputError for a password that cannot be (nothing is tried), ForbiddenError for an account without one,
   *   InvalidCredentialsError, RateLimitedError
   */
  async change(viewer: Viewer, origin: Origin, input: Change): Promise<void> {
    const me = requireSignedIn(viewer);
    const { passwords, reauthentication, sessions } = this.parts;
    await this.#check(input, me.accountId);
    const provenHash = await reauthentication.byPassword(me, origin, input.currentPassword);
    const passwordHash = await passwords.hash(input.newPassword);
    const ended = await this.db.transaction().execute(async (tx) => {
      if ((await lockProven(tx, me, provenHash)) === undefined) return undefined;
      return await setPassword(tx, {
        accountId: me.accountId,
        passwordHash,
        reason: 'changed',
        keptSessionId: me.sessionId,
        revokesCodes: input.revokeRecoveryCodes,
        source: sourceOf(me, origin),
      });
    });
    // Another password, or the end of this session, came first.
    if (ended === undefined) throw new UnauthenticatedError();
    sessions.forget(ended);
  }

  async #check({ currentPassword, newPassword }: Change, accountId: string): Promise<void> {
    const { server, accounts } = this.parts.settings;
    if (normalizePassword(newPassword) === normalizePassword(currentPassword)) {
      throw new BadUserInputError('newPassword', 'Choose a password that is not the current one.');
    }
    const [account] = await accountsById(this.db, [accountId]);
    await checkNewPassword(newPassword, {
      path: 'newPassword',
      email: account?.email ?? '',
      siteName: server.siteName,
      minLength: accounts.minPasswordLength,
    });
  }
}
