import { sql } from 'kysely';
import { isActingAdmin, isOwner, requireAdmin, requireSignedIn } from '../access/rules.js';
import type { Origin, SignedIn, Viewer } from '../access/viewer.js';
import type { Database } from '../database.js';
import { NotFoundError } from '../errors.js';
import { sourceOf } from '../events/event-source.js';
import { raise } from '../events/raise.js';
import { isId } from '../ids.js';
import { accountsById } from './account.js';
import type { SessionCache } from './session-cache.js';
import { revokeSessionsOf } from './sessions.js';

interface Which {
  readonly accountId: string;
  readonly only?: string;
  readonly except?: string;
}

/** Ending sessions by the list of them: one's own, or as an admin anybody's. Every process refuses them from then on. */
export class SessionRevocations {
  constructor(
    private readonly db: Database,
    private readonly sessions: SessionCache,
  ) {}

  /** Ends one session, the viewer's current one too. One that is over already stays so. @throws NotFoundError */
  async revoke(viewer: Viewer, origin: Origin, sessionId: string): Promise<void> {
    const me = requireSignedIn(viewer);
    const accountId = isId(sessionId) ? await this.#ownerOf(sessionId) : undefined;
    const isAllowed = accountId !== undefined && (isOwner(me, accountId) || isActingAdmin(me));
    if (!isAllowed) throw new NotFoundError('session');
    await this.#end(me, origin, { accountId, only: sessionId });
  }

  /**
   * Ends all of the viewer's own sessions but the current one; for an admin who names another account, all of that one's.
   * @throws ForbiddenError, NotFoundError
   */
  async revokeOthers(viewer: Viewer, origin: Origin, accountId: string | null): Promise<void> {
    const me = requireSignedIn(viewer);
    if (accountId !== null && !isOwner(me, accountId)) {
      requireAdmin(me);
      const [account] = isId(accountId) ? await accountsById(this.db, [accountId]) : [];
      if (account === undefined) throw new NotFoundError('account');
    }
    await this.#end(me, origin, { accountId: accountId ?? me.accountId, except: me.sessionId });
  }

  async #ownerOf(sessionId: string): Promise<string | undefined> {
    const { rows } = await sql<{ accountId: string }>`
      select account_id from sessions where id = ${sessionId}
    `.execute(this.db);
    return rows[0]?.accountId;
  }

  async #end(me: SignedIn, origin: Origin, { accountId, only, except }: Which): Promise<void> {
    const source = sourceOf(me, origin);
    const ended = await this.db.transaction().execute(async (tx) => {
      const ids = await revokeSessionsOf(tx, accountId, { only, except });
      const events = ids.map((id) => ({ ...source, action: 'SESSION_REVOKED' as const, accountId, reason: id }));
      if (events.length > 0) await raise(tx, events);
      return ids;
    });
    this.sessions.forget(ended);
  }
}
