import type { Origin, SignedIn } from '../access/viewer.js';
import type { AuditDraft } from './record-events.js';

/** What every event of a signed-in caller says of who and from where. */
export function auditOf(viewer: SignedIn, origin: Origin): AuditDraft {
  return {
    actorId: viewer.accountId,
    sessionId: viewer.sessionId,
    method: viewer.method,
    ipAddress: origin.address,
    userAgent: origin.userAgent,
  };
}

/** The same of a caller without a token. */
export function auditOfAnonymous(origin: Origin): AuditDraft {
  return { ipAddress: origin.address, userAgent: origin.userAgent };
}

/** When and from where something happens to an account, as its notice tells. */
export function occasionOf(accountId: string, from: Pick<Origin, 'address' | 'userAgent'>) {
  return {
    accountId,
    at: new Date().toISOString(),
    ipAddress: from.address ?? null,
    userAgent: from.userAgent ?? null,
  };
}
