import { ForbiddenError, UnauthenticatedError } from '../errors.js';
import type { SignedIn, Viewer } from './viewer.js';

/**
 * Who may do what, all of it. An account reads and changes what is its own; an admin, in a session opened by password,
 * reads every account and does the admin operations. Nobody reads a code or a hash.
 */

/** @throws UnauthenticatedError for anyone without a valid access token. */
export function requireSignedIn(viewer: Viewer): SignedIn {
  if (viewer.kind !== 'signed-in') throw new UnauthenticatedError();
  return viewer;
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

export function isOwner(viewer: Viewer, accountId: string | null): boolean {
  return viewer.kind === 'signed-in' && viewer.accountId === accountId;
}

/** Whether the viewer may see what concerns this account. */
export function mayRead(viewer: Viewer, accountId: string | null): boolean {
  return isOwner(viewer, accountId) || isActingAdmin(viewer);
}

/** @throws UnauthenticatedError with a bad token, ForbiddenError for anyone who may not see what concerns this account. */
export function requireReader(viewer: Viewer, accountId: string): void {
  if (viewer.kind === 'rejected') throw new UnauthenticatedError();
  if (!mayRead(viewer, accountId)) throw new ForbiddenError('Only the account itself or an admin may read this.');
}
