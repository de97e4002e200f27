import type { Holder, Origin, Viewer } from '../access/viewer.js';
import { isActingAdmin, mayReadBatch, requireHolder, requireSignedIn } from '../access/rules.js';
import type { Reauthentication } from '../accounts/reauthentication.js';
import type { Keyring } from '../crypto/keyring.js';
import type { Database } from '../database.js';
import { BadUserInputError, NotFoundError } from '../errors.js';
import { sourceOf } from '../events/event-source.js';
import { isId } from '../ids.js';
import type { Attempts } from '../limits/attempts.js';
import type { Limiter } from '../limits/limiter.js';
import type { Meter } from '../meter.js';
import { isNamed, openSubject } from '../service-keys/open-subject.js';
import type { DomainSettings } from '../settings.js';
import type { Batch, Code } from './batch.js';
import type { BatchHashings, HashTarget } from './batch-hashing.js';
import { codeAttemptBy, codeRejection } from './code-attempt.js';
import { newCodes } from './code-format.js';
import { type CodeHasher, hashParametersFor } from './code-hash.js';
import { sealCopy } from '../copies/code-copies.js';
import { deleteBatch } from './delete-batch.js';
import { issueBatch } from './issue-codes.js';
import { codesOfBatches, findBatch } from './read-batches.js';
import { type Revocation, revokeCode, type RevocationOutcome, type Revoked } from './revoke-code.js';
import { setupState, verifySetup } from './setup-test.js';
import { spendCode } from './spend-code.js';
import { markViewed } from './mark-viewed.js';

export interface IssuedCodes {
  readonly batch: Batch;
  /** The plaintext, in the order of the positions. */
  readonly codes: readonly string[];
  readonly copyAvailableUntil: Date | null;
  /** Who asked, with the account that it was issued to. */
  readonly reader: Viewer;
}

export interface Verification {
  readonly outcome: 'ACCEPTED' | 'REJECTED';
  readonly batch: Batch | undefined;
}

export interface SetupTestResult {
  readonly outcome: 'VERIFIED' | 'ALREADY_VERIFIED' | 'INVALID_CODE' | 'NO_ACTIVE_BATCH';
  readonly setupVerifiedAt: Date | null;
}

export interface CodeSelector {
  readonly code?: string | null;
  readonly codeId?: string | null;
}

interface Parts {
  readonly settings: DomainSettings;
  readonly keyring: Keyring;
  readonly hasher: CodeHasher;
  readonly hashings: BatchHashings;
  readonly limiter: Limiter;
  readonly attempts: Attempts;
  readonly reauthentication: Reauthentication;
  readonly meter: Meter;
}

const COUNTED: Partial<Record<RevocationOutcome, 'SUCCESS' | 'FAILURE'>> = { DONE: 'SUCCESS', NOT_FOUND: 'FAILURE' };

/** What can be done with recovery codes. Every method checks first who asks. */
export class RecoveryCodes {
  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {}

  /**
   * Issues a new batch in the place of the active one and returns its plaintext, the only time that it is answered.
   * @throws UnauthenticatedError, BadUserInputError, ReauthenticationRequiredError, InvalidCredentialsError,
   *   RateLimitedError, ForbiddenError; after any of them nothing has changed, but that a service key's user may have its account.
   */
  async generate(
    viewer: Viewer,
    origin: Origin,
    input: { readonly expiresInDays?: number | null; readonly currentPassword?: string | null },
  ): Promise<IssuedCodes> {
    requireHolder(viewer, 'ISSUE');
    const expiresInDays = this.#parseExpiry(input.expiresInDays);
    const reader = await this.#proven(viewer, origin, input.currentPassword);
    const me = requireHolder(reader, 'ISSUE');
    const issueId = await this.parts.limiter.beginIssue(me.ownerId, sourceOf(me, origin));
    try {
      return { ...(await this.#issue(me, { origin, expiresInDays, issueId })), reader };
    } catch (error) {
      // The first error is the one to tell; the slot ends by itself after a minute.
      await this.parts.limiter.cancelIssue(me.ownerId, issueId).catch(() => undefined);
      throw error;
    }
  }

  /** Spends a code. ACCEPTED proves something to a service key's caller, not to a browser. @throws RateLimitedError */
  async verify(viewer: Viewer, origin: Origin, code: string): Promise<Verification> {
    const me = requireHolder(viewer, 'VERIFY');
    const source = sourceOf(me, origin);
    return await this.parts.attempts.run(codeAttemptBy(me, origin), async () => {
      const target = await this.parts.hashings.activeTarget(me.ownerId, me.limitSubject);
      const { batchId, hash } = await this.#hashed(target, code);
      const batch = await spendCode(this.db, { batchId, hash, isSignIn: false, source });
      const isAccepted = batch !== undefined;
      this.parts.meter.spend(isAccepted ? 'accepted' : 'rejected');
      return {
        outcome: isAccepted ? 'SUCCESS' : 'FAILURE',
        value: { outcome: isAccepted ? 'ACCEPTED' : 'REJECTED', batch },
        rejection: codeRejection(me, origin),
      };
    });
  }

  /** Proves once that codes work, spending none. @throws RateLimitedError */
  async test(viewer: Viewer, origin: Origin, code: string): Promise<SetupTestResult> {
    const me = requireHolder(viewer, 'VERIFY');
    const { ownerId: accountId } = me;
    const source = sourceOf(me, origin);
    return await this.parts.attempts.run<SetupTestResult>(codeAttemptBy(me, origin), async () => {
      const { setupVerifiedAt, hasActiveBatch } = await setupState(this.db, { accountId, source });
      if (setupVerifiedAt !== null) return returned({ outcome: 'ALREADY_VERIFIED', setupVerifiedAt });
      if (!hasActiveBatch) return returned({ outcome: 'NO_ACTIVE_BATCH', setupVerifiedAt });
      const target = await this.parts.hashings.activeTarget(accountId, me.limitSubject);
      const place = await this.#hashed(target, code);
      const verifiedAt = await verifySetup(this.db, { ...place, accountId, source });
      if (verifiedAt !== undefined) {
        return { outcome: 'SUCCESS', value: { outcome: 'VERIFIED', setupVerifiedAt: verifiedAt } };
      }
      const now = await setupState(this.db, { accountId, source });
      if (now.setupVerifiedAt !== null)
        return returned({ outcome: 'ALREADY_VERIFIED', setupVerifiedAt: now.setupVerifiedAt });
      return {
        outcome: 'FAILURE',
        value: { outcome: 'INVALID_CODE', setupVerifiedAt },
        rejection: { ...source, action: 'SETUP_REJECTED', accountId },
      };
    });
  }

  /** Revokes one code: the owner by plaintext or id, an admin by id. @throws BadUserInputError, RateLimitedError */
  async revoke(viewer: Viewer, origin: Origin, selector: CodeSelector & { readonly to: Revocation }): Promise<Revoked> {
    const me = requireHolder(viewer, 'ISSUE');
    const { code, codeId, to } = selector;
    const source = sourceOf(me, origin);
    if (typeof code === 'string' && typeof codeId !== 'string') {
      return await this.#revokeTyped(me, origin, { code, to });
    }
    if (typeof codeId !== 'string' || typeof code === 'string') {
      throw new BadUserInputError('selector', 'Give exactly one of code and codeId.');
    }
    if (!isId(codeId)) return { outcome: 'NOT_FOUND', batch: undefined };
    const ownerId = isActingAdmin(viewer) ? undefined : me.ownerId;
    return await revokeCode(this.db, { to, place: { codeId }, ownerId, source });
  }

  /** @throws NotFoundError, ConflictError */
  async deleteBatch(viewer: Viewer, origin: Origin, batchId: string): Promise<Batch> {
    const me = requireHolder(viewer, 'ISSUE');
    if (!isId(batchId)) throw new NotFoundError('batch');
    return await this.db.transaction().execute((tx) =>
      deleteBatch(tx, {
        batchId,
        ownerId: isActingAdmin(viewer) ? undefined : me.ownerId,
        deletedBy: me.ownerId,
        source: sourceOf(me, origin),
      }),
    );
  }

  /** Notes that the owner has seen the codes; the first time counts. @throws NotFoundError */
  async markViewed(viewer: Viewer, origin: Origin, batchId: string): Promise<Batch> {
    const me = requireHolder(viewer, 'ISSUE');
    const source = sourceOf(me, origin);
    const batch = isId(batchId)
      ? await this.db.transaction().execute((tx) => markViewed(tx, { batchId, ownerId: me.ownerId, source }))
      : undefined;
    if (batch === undefined) throw new NotFoundError('batch');
    return batch;
  }

  /** A batch that the viewer may see; undefined for an unknown id and another's alike. */
  async find(viewer: Viewer, batchId: string): Promise<Batch | undefined> {
    requireHolder(viewer, 'READ');
    const batch = isId(batchId) ? await findBatch(this.db, batchId) : undefined;
    return batch !== undefined && mayReadBatch(viewer, batch.accountId) ? batch : undefined;
  }

  /** The codes of batches that the viewer was given. */
  async codesOf(batchIds: readonly string[]): Promise<readonly (readonly Code[])[]> {
    return await codesOfBatches(this.db, batchIds);
  }

  /** Whether so many remaining codes are few. */
  isLow(remainingCount: number): boolean {
    return remainingCount <= this.parts.settings.codes.lowThreshold;
  }

  /** Whoever codes are issued to proves anew who they are; for its users, a host application has done so. */
  async #proven(viewer: Viewer, origin: Origin, currentPassword: string | null | undefined): Promise<Viewer> {
    if (isNamed(viewer)) return await openSubject(this.db, viewer, origin);
    await this.parts.reauthentication.require(requireSignedIn(viewer), origin, currentPassword);
    return viewer;
  }

  async #issue(
    me: Holder,
    of: { readonly origin: Origin; readonly expiresInDays: number | null; readonly issueId: string },
  ): Promise<Omit<IssuedCodes, 'reader'>> {
    const { codes: format } = this.parts.settings;
    const { origin, expiresInDays, issueId } = of;
    const codes = newCodes(format.perBatch, format);
    const hashing = this.parts.hasher.newHashing(hashParametersFor(format));
    const hashes = await Promise.all(codes.map((code) => this.parts.hasher.hash(code, hashing)));
    const { ownerId: accountId, sessionId } = me;
    return await this.db.transaction().execute(async (tx) => {
      const batch = await issueBatch(tx, { accountId, hashing, hashes, expiresInDays, source: sourceOf(me, origin) });
      const copy = { batchId: batch.id, sessionId, codes, ttlSeconds: format.copyTtlSeconds };
      const copyAvailableUntil = await sealCopy(tx, this.parts.keyring, copy);
      await this.parts.limiter.endIssue(tx, accountId, issueId);
      return { batch, codes, copyAvailableUntil };
    });
  }

  async #revokeTyped(me: Holder, origin: Origin, { code, to }: { code: string; to: Revocation }): Promise<Revoked> {
    const { ownerId } = me;
    const source = sourceOf(me, origin);
    return await this.parts.attempts.run(codeAttemptBy(me, origin), async () => {
      const place = await this.#hashed(await this.parts.hashings.newestTarget(ownerId, me.limitSubject), code);
      const revoked = await revokeCode(this.db, { to, place, ownerId, source });
      return {
        outcome: COUNTED[revoked.outcome] ?? 'RETURNED',
        value: revoked,
        rejection: codeRejection(me, origin),
      };
    });
  }

  async #hashed({ batchId, hashing }: HashTarget, code: string): Promise<{ batchId: string; hash: Buffer }> {
    return { batchId, hash: await this.parts.hasher.hash(code, hashing) };
  }

  #parseExpiry(expiresInDays: number | null | undefined): number | null {
    const { maxExpiryDays } = this.parts.settings.codes;
    if (expiresInDays === null || expiresInDays === undefined) return null;
    if (!Number.isInteger(expiresInDays) || expiresInDays < 1 || expiresInDays > maxExpiryDays) {
      throw new BadUserInputError(
        'input.expiresInDays',
        `Give 1 to ${maxExpiryDays} days, or none for codes that never expire.`,
      );
    }
    return expiresInDays;
  }
}

function returned<T>(value: T): { readonly outcome: 'RETURNED'; readonly value: T } {
  return { outcome: 'RETURNED', value };
}
