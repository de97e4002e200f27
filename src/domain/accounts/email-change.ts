import { sql } from 'kysely';
import { isSomebodyElse, requireSignedIn } from '../access/rules.js';
import type { Origin, SignedIn, Viewer } from '../access/viewer.js';
import type { Keyring } from '../crypto/keyring.js';
import { brokenUnique } from '../broken-unique.js';
import type { Database } from '../database.js';
import { BadUserInputError, ConflictError, InvalidTokenError, NotFoundError, UnauthenticatedError } from '../errors.js';
import { sourceOf, sourceOfAnyone } from '../events/event-source.js';
import { occasionOf } from '../events/occasion.js';
import { raise } from '../events/raise.js';
import type { Decision, Limiter } from '../limits/limiter.js';
import { type Account, accountsById } from './account.js';
import {
  dropEmailChange,
  findConfirmation,
  type PendingEmailChange,
  pendingEmailChangesOf,
  replaceRequest,
} from './email-change-requests.js';
import { type ConfirmBy, type Confirmed, confirmWithin } from './email-confirmation.js';
import { type EmailAddress, emailKeyOf, parseEmail } from './email.js';
import { lockProven } from './own-account.js';
import type { Reauthentication } from './reauthentication.js';
import type { SessionCache } from './session-cache.js';
import { issueToken } from './verification-tokens.js';

interface Parts {
  readonly keyring: Keyring;
  readonly limiter: Limiter;
  readonly reauthentication: Reauthentication;
  readonly sessions: SessionCache;
  readonly emailChangeTtlSeconds: number;
}

interface Request {
  readonly newEmail: string;
  readonly currentPassword: string;
}

/** As often as somebody may register the new address just while the change is being completed. */
const TRIES = 3;

/**
 * Changing one's address: both mailboxes have to confirm, in either order. Whether somebody has the new address is told
 * by no answer: it is looked up after the answer (`PendingEmailChanges`), and once more when the change is completed.
 */
export class EmailChange {
  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {}

  /**
   * Mails a link to the current address, and leads to one to the new address; takes the place of an earlier request.
   * @throws BadUserInputError, ForbiddenError for an account without a password, InvalidCredentialsError, RateLimitedError
   */
  async request(viewer: Viewer, origin: Origin, { newEmail, currentPassword }: Request): Promise<void> {
    const me = requireSignedIn(viewer);
    const email = parseEmail(newEmail, 'newEmail');
    const [account] = await accountsById(this.db, [me.accountId]);
    if (account?.email && emailKeyOf(account.email) === email.key) {
      throw new BadUserInputError('newEmail', 'Give an address that is not yours already.');
    }
    const { limiter, reauthentication } = this.parts;
    const provenHash = await reauthentication.byPassword(me, origin, currentPassword);
    const decision = await this.db.transaction().execute(async (tx) => {
      const own = await lockProven(tx, me, provenHash);
      return own && (await this.#accept(tx, { me, origin, own, email }));
    });
    if (decision === undefined) throw new UnauthenticatedError();
    const by = { accountId: me.accountId, source: sourceOf(me, origin) };
    if (!decision.isAdmitted) throw await limiter.refusedMail(decision, by);
  }

  /**
   * Confirms one side by its token; the second of the two changes the address and ends the other sessions, without a
   * session of the account all of them. No sign-in is needed.
   * @throws InvalidTokenError, ConflictError where somebody has the address by now (the token stays usable)
   */
  async confirm(viewer: Viewer, origin: Origin, secret: string): Promise<Account> {
    const accountId = (await findConfirmation(this.db, secret))?.accountId;
    if (accountId === undefined || isSomebodyElse(viewer, accountId)) throw new InvalidTokenError();
    const keptSessionId = viewer.kind === 'signed-in' ? viewer.sessionId : undefined;
    const by = { secret, accountId, keptSessionId, source: sourceOfAnyone(viewer, origin) };
    const ended = endedBy(await this.#confirm(by));
    // What is known of the session that stays names the account by its old address.
    this.parts.sessions.forget(keptSessionId === undefined ? ended : [...ended, keptSessionId]);
    const [account] = await accountsById(this.db, [accountId]);
    if (account === undefined) throw new InvalidTokenError();
    return account;
  }

  /** Takes the request back; its links are void. @throws NotFoundError where there is none that could be confirmed still */
  async cancel(viewer: Viewer, origin: Origin): Promise<void> {
    const me = requireSignedIn(viewer);
    const { accountId } = me;
    const isDropped = await this.db.transaction().execute(async (tx) => {
      // A confirmation holds this lock from the look at the request to its end.
      await sql`select 1 from accounts where id = ${accountId} for no key update`.execute(tx);
      if (!(await dropEmailChange(tx, accountId))) return false;
      await raise(tx, [{ ...sourceOf(me, origin), action: 'EMAIL_CHANGE_CANCELLED', accountId }]);
      return true;
    });
    if (!isDropped) throw new NotFoundError('change of address');
  }

  /** What each of the accounts waits for. For those who hold the ids by right. */
  async pendingOf(accountIds: readonly string[]): Promise<readonly (PendingEmailChange | undefined)[]> {
    const changes = await pendingEmailChangesOf(this.db, accountIds);
    return accountIds.map((id) => changes.get(id));
  }

  /** The limiter's decision; where it refuses, nothing is changed. */
  async #accept(
    tx: Database,
    { me, origin, own, email }: { me: SignedIn; origin: Origin; own: Account; email: EmailAddress },
  ): Promise<Decision> {
    const { keyring, limiter, emailChangeTtlSeconds: ttlSeconds } = this.parts;
    const currentKey = emailKeyOf(own.email as string);
    const decision = await limiter.takeMail(tx, currentKey, origin.network);
    if (!decision.isAdmitted) return decision;
    const { id: accountId } = own;
    const source = sourceOf(me, origin);
    const requestId = await replaceRequest(tx, { accountId, email, ttlSeconds });
    const token = { accountId, purpose: 'EMAIL_CHANGE' as const, emailKey: currentKey, ttlSeconds };
    const sealed = await issueToken(tx, keyring, token);
    const asked = { ...occasionOf(accountId, source), newEmail: email.address, validForSeconds: ttlSeconds };
    await raise(
      tx,
      [{ ...source, action: 'EMAIL_CHANGE_REQUESTED', accountId }],
      [
        { topic: 'email-change-requested', payload: asked, sealed },
        { topic: 'new-address-wanted', payload: { accountId, requestId } },
      ],
    );
    return decision;
  }

  async #confirm(by: ConfirmBy): Promise<Confirmed> {
    for (let tried = 0; tried < TRIES; tried += 1) {
      try {
        return await this.db.transaction().execute((tx) => confirmWithin(tx, by));
      } catch (error) {
        // Somebody came by the address between the look at it and its change.
        if (brokenUnique(error) !== 'accounts_email_key_unique') throw error;
      }
    }
    return { kind: 'taken' };
  }
}

/** @throws InvalidTokenError, ConflictError where nothing was noted */
function endedBy(confirmed: Confirmed): readonly string[] {
  switch (confirmed.kind) {
    case 'noted':
      return confirmed.ended;
    case 'taken':
      throw new ConflictError('Somebody has this address by now, so that it cannot become yours. Nothing was changed.');
    case 'invalid':
      throw new InvalidTokenError();
  }
}
