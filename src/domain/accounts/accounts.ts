import { sql } from 'kysely';
import { requireAdmin, requireHolder } from '../access/rules.js';
import type { Origin, Viewer } from '../access/viewer.js';
import type { Database } from '../database.js';
import { NotFoundError, UnauthenticatedError } from '../errors.js';
import { sourceOf } from '../events/event-source.js';
import { raise } from '../events/raise.js';
import { isId } from '../ids.js';
import type { Limiter } from '../limits/limiter.js';
import type { ForwardRequest, Page } from '../paging.js';
import type { DomainSettings } from '../settings.js';
import { type Account, accountByEmail, accountsById, limitSubjectOf } from './account.js';
import { Belongings } from './belongings.js';
import { emailKeyOf } from './email.js';
import { accountsFound, countAccounts, type ListedAccount, newestAccounts, parseSearch } from './search-accounts.js';

interface Parts {
  readonly settings: DomainSettings;
  readonly limiter: Limiter;
}

/** Reading accounts and what belongs to them, and what admins do to them. */
export class Accounts {
  readonly belongings: Belongings;

  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {
    this.belongings = new Belongings(db, { history: parts.settings.history, limiter: parts.limiter });
  }

  /**
   * The viewer's own account, or that of a service key's user; undefined for an anonymous one, and for a user without one.
   * @throws UnauthenticatedError for a bad token, ForbiddenError
   */
  async own(viewer: Viewer): Promise<Account | undefined> {
    if (viewer.kind === 'anonymous') return undefined;
    const [account] = await accountsById(this.db, [requireHolder(viewer, 'READ').ownerId]);
    if (account === undefined && viewer.kind !== 'service') throw new UnauthenticatedError();
    return account;
  }

  /** Any account, for an admin, by its id or by a LOCAL one's address; undefined when there is none. */
  async find(
    viewer: Viewer,
    by: { readonly id?: string | null; readonly email?: string | null },
  ): Promise<Account | undefined> {
    requireAdmin(viewer);
    if (typeof by.id === 'string') {
      const [account] = isId(by.id) ? await accountsById(this.db, [by.id]) : [];
      return account !== undefined && matchesEmail(account, by.email) ? account : undefined;
    }
    return typeof by.email === 'string' ? await accountByEmail(this.db, emailKeyOf(by.email)) : undefined;
  }

  /**
   * Accounts newest first, or those that the search finds: by the beginning of their address or external id, or by id.
   * Admin. @throws BadUserInputError
   */
  async list(viewer: Viewer, search: string | null | undefined, request: ForwardRequest): Promise<Page<ListedAccount>> {
    requireAdmin(viewer);
    const sought = parseSearch(search);
    return await (sought === undefined ? newestAccounts(this.db, request) : accountsFound(this.db, sought, request));
  }

  /** How many accounts `list` finds. Admin. @throws BadUserInputError */
  async count(viewer: Viewer, search: string | null | undefined): Promise<number> {
    requireAdmin(viewer);
    return await countAccounts(this.db, parseSearch(search));
  }

  /** In the order of the ids. For those who hold the ids by right: what of an account they read, its fields decide. */
  async byIds(ids: readonly string[]): Promise<readonly (Account | undefined)[]> {
    return await accountsById(this.db, ids);
  }

  /** Forgets the account's failed attempts and windows. Admin. @throws NotFoundError */
  async unlock(viewer: Viewer, origin: Origin, accountId: string): Promise<Account> {
    const admin = requireAdmin(viewer);
    return await this.db.transaction().execute(async (tx) => {
      const account = await this.#existing(tx, accountId);
      await this.parts.limiter.unlock(tx, limitSubjectOf(account));
      await raise(tx, [{ ...sourceOf(admin, origin), action: 'ACCOUNT_UNLOCKED', accountId }]);
      return account;
    });
  }

  /** Lets the account prove its codes once more. Admin. @throws NotFoundError */
  async resetSetup(viewer: Viewer, origin: Origin, accountId: string): Promise<Account> {
    const admin = requireAdmin(viewer);
    return await this.db.transaction().execute(async (tx) => {
      const account = await this.#existing(tx, accountId);
      await sql`update accounts set setup_verified_at = null where id = ${accountId}`.execute(tx);
      await raise(tx, [{ ...sourceOf(admin, origin), action: 'SETUP_RESET', accountId }]);
      return { ...account, setupVerifiedAt: null };
    });
  }

  async #existing(tx: Database, accountId: string): Promise<Account> {
    const [account] = isId(accountId) ? await accountsById(tx, [accountId]) : [];
    if (account === undefined) throw new NotFoundError('account');
    return account;
  }
}

function matchesEmail(account: Account, email: string | null | undefined): boolean {
  return typeof email !== 'string' || (account.email !== null && emailKeyOf(account.email) === emailKeyOf(email));
}
