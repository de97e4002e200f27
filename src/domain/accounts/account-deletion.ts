import { sql } from 'kysely';
import { requireAdmin, requireSignedIn } from '../access/rules.js';
import type { Origin, SignedIn, Viewer } from '../access/viewer.js';
import type { Database } from '../database.js';
import { ConfirmationRequiredError, ConflictError, NotFoundError, UnauthenticatedError } from '../errors.js';
import { sourceOf } from '../events/event-source.js';
import { isId } from '../ids.js';
import { accountsById } from './account.js';
import { lockProven } from './own-account.js';
import type { Reauthentication } from './reauthentication.js';
import { removeAccount } from './remove-account.js';
import type { SessionCache } from './session-cache.js';

interface Parts {
  readonly reauthentication: Reauthentication;
  readonly sessions: SessionCache;
}

/** Deleting accounts: one's own, or as an admin anybody's. The address is free from then on. */
export class AccountDeletion {
  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {}

  /**
   * Deletes the viewer's own account.
   * @throws ForbiddenError for an account without a password, InvalidCredentialsError, RateLimitedError, ConflictError for
   *   the last admin
   */
  async deleteOwn(viewer: Viewer, origin: Origin, currentPassword: string): Promise<void> {
    const me = requireSignedIn(viewer);
    const provenHash = await this.parts.reauthentication.byPassword(me, origin, currentPassword);
    const isProven = async (tx: Database) => (await lockProven(tx, me, provenHash)) !== undefined;
    const isDeleted = await this.#delete(me, origin, {
      accountId: me.accountId,
      reason: 'by its owner',
      isMeant: isProven,
    });
    if (!isDeleted) throw new UnauthenticatedError();
  }

  /** Deletes any account. Admin. @throws ConfirmationRequiredError, NotFoundError, ConflictError for the last admin */
  async delete(
    viewer: Viewer,
    origin: Origin,
    { accountId, confirm }: { readonly accountId: string; readonly confirm: boolean },
  ): Promise<void> {
    const admin = requireAdmin(viewer);
    if (!confirm) throw new ConfirmationRequiredError();
    const isMeant = () => Promise.resolve(true);
    const isDeleted =
      isId(accountId) && (await this.#delete(admin, origin, { accountId, reason: 'by an admin', isMeant }));
    if (!isDeleted) throw new NotFoundError('account');
  }

  /** False where it is not there (any more), or not meant any more. */
  async #delete(
    by: SignedIn,
    origin: Origin,
    of: { readonly accountId: string; readonly reason: string; readonly isMeant: (tx: Database) => Promise<boolean> },
  ): Promise<boolean> {
    const { accountId, reason, isMeant } = of;
    const ended = await this.db.transaction().execute(async (tx) => {
      const found = await lockForRemoval(tx, accountId);
      if (found === 'gone' || !(await isMeant(tx))) return undefined;
      if (found === 'last-admin') throw new ConflictError(LAST_ADMIN);
      return await removeAccount(tx, { accountId, reason, source: sourceOf(by, origin) });
    });
    if (ended === undefined) return false;
    this.parts.sessions.forget(ended);
    return true;
  }
}

const LAST_ADMIN = 'The last admin cannot be deleted. Make another one first: sparekey create-admin.';

/**
 * Locks an account, and with an admin every other admin too, always in the same order: of admins who delete one another at
 * once, one stays.
 */
async function lockForRemoval(tx: Database, accountId: string): Promise<'gone' | 'last-admin' | 'removable'> {
  const [account] = await accountsById(tx, [accountId]);
  const isAdmin = account?.role === 'ADMIN';
  const which = isAdmin ? sql`role = 'ADMIN'` : sql`id = ${accountId}`;
  const { rows } = await sql<{ id: string }>`select id from accounts where ${which} order by id for update`.execute(tx);
  if (!rows.some(({ id }) => id === accountId)) return 'gone';
  return isAdmin && rows.length === 1 ? 'last-admin' : 'removable';
}
