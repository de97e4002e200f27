import { ForbiddenError, UnauthenticatedError } from '../errors.js';
import type { Holder, ServiceCaller, ServiceOperation, SignedIn, Viewer } from './viewer.js';

/**
 * Who may do what, all of it. An account reads and changes what is its own; an admin, in a session opened by password,
 * reads every account and does the admin operations. A service key does, for one user of its realm, what `requireHolder`
 * and `requireCodeReader` let it, and nothing else. Nobody reads a code or a hash.
 */

/** @throws UnauthenticatedError for anyone without a valid access token, ForbiddenError for a service key. */
export function requireSignedIn(viewer: Viewer): SignedIn {
  refuseServiceKey(viewer);
  if (viewer.kind !== 'signed-in') throw new UnauthenticatedError();
  return viewer;
}

/** For what is open to everybody else. @throws ForbiddenError */
export function refuseServiceKey(viewer: Viewer): asserts viewer is Exclude<Viewer, ServiceCaller> {
  if (viewer.kind === 'service') throw new ForbiddenError('A service key may not do this.');
}

/** No account has it, so that what is looked up as its own is the same work as for an account, and finds nothing. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

/**
 * Whoever does something with codes of their own: a signed-in account, or a service key that is allowed this operation,
 * for the user whom it names.
 * @throws UnauthenticatedError, ForbiddenError
 */
export function requireHolder(viewer: Viewer, operation: ServiceOperation): Holder {
  if (viewer.kind !== 'service') {
    const signedIn = requireSignedIn(viewer);
    return { ...signedIn, ownerId: signedIn.accountId };
  }
  const { subject, operations, serviceKeyId } = viewer;
  if (!operations.includes(operation)) throw new ForbiddenError(`This service key lacks the operation ${operation}.`);
  if (subject === undefined) throw new ForbiddenError('Say whom this is for, by the header X-Sparekey-Subject.');
  const { accountId, sessionId, limitSubject } = subject;
  return { accountId, ownerId: accountId ?? NOBODY, sessionId, limitSubject, method: 'SERVICE', serviceKeyId };
}

/** @throws UnauthenticatedError, or ForbiddenError for anyone but an admin in a PASSWORD session. */
export function requireAdmin(viewer: Viewer): SignedIn {
  const signedIn = requireSignedIn(viewer);
  if (signedIn.role !== 'ADMIN') throw new ForbiddenError('Only an admin may do this.');
  if (!isActingAdmin(signedIn)) throw new ForbiddenError('Admin operations need a session opened by password.');
  return signedIn;
}

/** Whether the viewer acts as an admin: by role, and in a session opened by password. */
export function isActingAdmin(viewer: Viewer): boolean {
  return viewer.kind === 'signed-in' && viewer.role === 'ADMIN' && viewer.method === 'PASSWORD';
}

/** Whether an account is signed in that is not this one: a mailed token is not for it, though it needs no sign-in. */
export function isSomebodyElse(viewer: Viewer, accountId: string): boolean {
  return viewer.kind === 'signed-in' && viewer.accountId !== accountId;
}

export function isOwner(viewer: Viewer, accountId: string | null): boolean {
  return viewer.kind === 'signed-in' && viewer.accountId === accountId;
}

/** Whether the viewer is this account, or a service key for its user. */
export function actsFor(viewer: Viewer, accountId: string | null): boolean {
  if (viewer.kind !== 'service') return isOwner(viewer, accountId);
  return accountId !== null && viewer.subject?.accountId === accountId;
}

/** Whether the viewer may see what concerns this account. */
export function mayRead(viewer: Viewer, accountId: string | null): boolean {
  return isOwner(viewer, accountId) || isActingAdmin(viewer);
}

/** The same for a batch, which a service key sees of its user. */
export function mayReadBatch(viewer: Viewer, accountId: string | null): boolean {
  return actsFor(viewer, accountId) || isActingAdmin(viewer);
}

/** @throws UnauthenticatedError with a bad token, ForbiddenError for anyone who may not see what concerns this account. */
export function requireReader(viewer: Viewer, accountId: string): void {
  refuseServiceKey(viewer);
  if (viewer.kind === 'rejected') throw new UnauthenticatedError();
  if (!mayRead(viewer, accountId)) throw new ForbiddenError('Only the account itself or an admin may read this.');
}

/** The same for what concerns its codes, which a service key that may READ reads of its user. */
export function requireCodeReader(viewer: Viewer, accountId: string): void {
  if (viewer.kind !== 'service') return requireReader(viewer, accountId);
  if (requireHolder(viewer, 'READ').accountId === accountId) return;
  throw new ForbiddenError('A service key reads this of the user whom it names only.');
}
