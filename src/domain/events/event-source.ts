import { type RawBuilder, sql } from 'kysely';
import type { Holder, Origin, SignInMethod, Viewer } from '../access/viewer.js';

/** Who does something, by which session, and from where, as far as it is known. Every event says it. */
export interface EventSource {
  readonly actorId?: string | undefined;
  readonly sessionId?: string | undefined;
  /** The service key that acted for the account. */
  readonly serviceKeyId?: string | undefined;
  readonly method?: SignInMethod | undefined;
  readonly ipAddress?: string | undefined;
  readonly userAgent?: string | undefined;
}

/** A signed-in caller, or a service key's user. */
export function sourceOf(
  viewer: Pick<Holder, 'accountId' | 'sessionId' | 'method' | 'serviceKeyId'>,
  origin: Origin,
): EventSource {
  const { accountId: actorId, sessionId, method, serviceKeyId } = viewer;
  return { actorId, sessionId, serviceKeyId, method, ...sourceOfAnonymous(origin) };
}

/** Somebody of whom a message holds where they were. */
export function sourceAt(place: { readonly ipAddress: string | null; readonly userAgent: string | null }): EventSource {
  return { ipAddress: place.ipAddress ?? undefined, userAgent: place.userAgent ?? undefined };
}

/** A caller without a token. */
export function sourceOfAnonymous(origin: Origin): EventSource {
  return { ipAddress: origin.address, userAgent: origin.userAgent };
}

/** A caller with or without one: what is done needs none. */
export function sourceOfAnyone(viewer: Viewer, origin: Origin): EventSource {
  return viewer.kind === 'signed-in' ? sourceOf(viewer, origin) : sourceOfAnonymous(origin);
}

/** The columns `actor_id, session_id, service_key_id, method, ip_address, user_agent` of an event in a larger statement. */
export function sourceColumns(source: EventSource): RawBuilder<unknown> {
  const {
    actorId = null,
    sessionId = null,
    serviceKeyId = null,
    method = null,
    ipAddress = null,
    userAgent = null,
  } = source;
  return sql`${actorId}::uuid, ${sessionId}::uuid, ${serviceKeyId}::uuid, ${method}::text, ${ipAddress}::text, ${userAgent}::text`;
}
