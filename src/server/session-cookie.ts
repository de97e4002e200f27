import { BadUserInputError, ForbiddenError } from '../domain/errors.js';
import type { SessionCookie } from '../resolvers/session-cookie.js';
import type { RequestFacts } from './request-facts.js';

/** No page of another origin can send it: CORS does not let it through. A cookie without it means nothing. */
const HEADER = 'x-sparekey-session';
const VALUE = 'cookie';
/** Out of reach of scripts, and of every page of another site. */
const ATTRIBUTES = 'Path=/; HttpOnly; SameSite=Strict';

/**
 * The cookie of a request that asks for its refresh token to be kept in one; undefined for any other. Behind TLS its name
 * binds it to this very host, so that no neighbour can set it.
 * @param publicUrl where browsers find this server
 * @throws BadUserInputError, ForbiddenError for the page of another origin
 */
export function sessionCookieOf(facts: RequestFacts, publicUrl: string): SessionCookie | undefined {
  const asked = facts.headers(HEADER);
  if (asked.length === 0) return undefined;
  if (asked.length > 1 || asked[0] !== VALUE) {
    throw new BadUserInputError(
      'X-Sparekey-Session',
      'Send this header once, as cookie, or leave it out to get the refresh token in the answer.',
    );
  }
  const { origin } = new URL(publicUrl);
  const isSecure = origin.startsWith('https:');
  if (!isOwnPage(facts, origin)) throw new ForbiddenError('Only pages of this server itself may use its cookie.');
  const name = isSecure ? '__Host-sparekey' : 'sparekey';
  const write = (value: string, seconds: number) =>
    facts.setHeader('set-cookie', `${name}=${value}; Max-Age=${seconds}; ${ATTRIBUTES}${isSecure ? '; Secure' : ''}`);
  return {
    refreshToken: valueOf(name, facts.header('cookie')),
    keep: (refreshToken, seconds) => write(refreshToken, seconds),
    clear: () => write('', 0),
  };
}

/** Browsers name the page's origin with each POST; what is no browser need not. Without TLS any name of this host will do. */
function isOwnPage(facts: RequestFacts, publicOrigin: string): boolean {
  const origins = facts.headers('origin');
  const own = [publicOrigin];
  if (publicOrigin.startsWith('http:')) own.push(`http://${facts.header('host')}`);
  return origins.every((origin) => own.includes(origin));
}

/** Undefined where there is none, and where there are several, of which nobody knows who set which. */
function valueOf(name: string, cookies: string | undefined): string | undefined {
  const values = (cookies ?? '')
    .split(';')
    .map((cookie) => cookie.trim())
    .filter((cookie) => cookie.startsWith(`${name}=`))
    .map((cookie) => cookie.slice(name.length + 1));
  return values.length === 1 && values[0] !== '' ? values[0] : undefined;
}
