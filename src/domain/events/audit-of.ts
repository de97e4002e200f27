import { type RawBuilder, sql } from 'kysely';
import type { Origin, SignedIn } from '../access/viewer.js';
import type { OutboxDraft } from './outbox-topics.js';
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

/** For notices of what an admin did: from where is not the owner's business. */
export const NOWHERE = { address: undefined, userAgent: undefined } as const;

/** When and from where something happens to an account, as its notice tells. */
export function occasionOf(accountId: string, from: Pick<Origin, 'address' | 'userAgent'>) {
  return {
    accountId,
    at: new Date().toISOString(),
    ipAddress: from.address ?? null,
    userAgent: from.userAgent ?? null,
  };
}

/** The columns `actor_id, session_id, method, ip_address, user_agent` of an event written by a larger statement. */
export function auditSource(audit: AuditDraft): RawBuilder<unknown> {
  const { actorId = null, sessionId = null, method = null, ipAddress = null, userAgent = null } = audit;
  return sql`${actorId}::uuid, ${sessionId}::uuid, ${method}::text, ${ipAddress}::text, ${userAgent}::text`;
}

/** Asks for a new link to the address, if it waits for its verification. */
export function verificationWanted(email: string, { network, address, userAgent }: Origin): OutboxDraft {
  const from = { network: network ?? null, ipAddress: address ?? null, userAgent: userAgent ?? null };
  return { topic: 'verification-wanted', payload: { email, ...from } };
}
