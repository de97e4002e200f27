import { derivedId } from '../crypto/derived-id.js';

const REALM_ORIGIN = 'service:';

/** The origin of the accounts that the keys of a realm act for. */
export function originOfRealm(realm: string): string {
  return `${REALM_ORIGIN}${realm}`;
}

export function isRealmOrigin(origin: string): boolean {
  return origin.startsWith(REALM_ORIGIN);
}

/**
 * What the failed attempts of a realm's user are counted under, the same before there is an account as after. No e-mail
 * address compares to it, since those are compared in lower case.
 */
export function limitSubjectOfUser(origin: string, externalId: string): string {
  return `User ${externalId} of ${origin}`;
}

/** The session of a realm's user, or of those that the host application tells apart by a name of its own, the one so named. */
export function sessionIdOfUser(origin: string, externalId: string, session: string | undefined): string {
  return derivedId('sparekey/service-session/v1', origin, externalId, session ?? null);
}
