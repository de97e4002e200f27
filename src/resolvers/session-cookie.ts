import type { SignedInSession } from '../domain/accounts/sign-in.js';
import { BadUserInputError, DomainError, type ErrorCode, SessionExpiredError } from '../domain/errors.js';

/** The cookie in which a page of this server keeps its refresh token, out of its own scripts' reach. */
export interface SessionCookie {
  /** What came in it; undefined where none did. */
  readonly refreshToken: string | undefined;
  /** Puts a refresh token into it, for so many seconds. */
  keep(refreshToken: string, seconds: number): void;
  clear(): void;
}

/** With these the token of the cookie has had its day. After any other refusal it may be tried again. */
const IS_OVER: ReadonlySet<ErrorCode> = new Set(['INVALID_TOKEN', 'SESSION_EXPIRED', 'REFRESH_TOKEN_REUSED']);

/**
 * The refresh token that came in the cookie. None is an ended session: a browser drops the cookie with it.
 * @throws BadUserInputError where there is a second one beside it, SessionExpiredError
 */
export function tokenFrom(cookie: SessionCookie, argument: string | null): string {
  if (argument !== null) throw new BadUserInputError('refreshToken', 'Leave it out: the session lives in a cookie.');
  if (cookie.refreshToken === undefined) throw new SessionExpiredError();
  return cookie.refreshToken;
}

/** Clears the cookie where what is tried with it shows that it is of no use any more. */
export async function clearingWhenRefused<T>(cookie: SessionCookie, attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof DomainError && IS_OVER.has(error.code)) cookie.clear();
    throw error;
  }
}

/** Until the session that was just used ends, both by the database's clock. */
export function secondsLeft({ session: { expiresAt, lastUsedAt } }: Pick<SignedInSession, 'session'>): number {
  return Math.max(0, Math.floor((expiresAt.getTime() - lastUsedAt.getTime()) / 1_000));
}
