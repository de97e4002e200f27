import { sql } from 'kysely';
import { v7 as newId } from 'uuid';
import type { Origin, ServiceCaller, Subject, Viewer } from '../access/viewer.js';
import { isLiveSession } from '../accounts/live-session-condition.js';
import type { Database } from '../database.js';
import { type EventSource, sourceOfAnonymous } from '../events/event-source.js';
import { raisedWithin } from '../events/raised-within.js';

/** Longer than any copy lives. */
const SESSION_HOURS = 24;
const MOST_TRIES = 5;

type Named = ServiceCaller & { readonly subject: Subject };

/** Whether the viewer is a service key that says whom it is for. */
export function isNamed(viewer: Viewer): viewer is Named {
  return viewer.kind === 'service' && viewer.subject !== undefined;
}

/**
 * The caller once its user has an account, which is made at the first issue, and a session for what is issued. Of several
 * who issue to somebody for the first time together, one makes the account. Who the user is, the host application has
 * proven: a session that was ended begins anew.
 */
export async function openSubject(db: Database, caller: Named, origin: Origin): Promise<ServiceCaller> {
  for (let tried = 0; tried < MOST_TRIES; tried += 1) {
    if (caller.subject.accountId === undefined || tried > 0) await makeAccount(db, caller, origin);
    const accountId = await openSession(db, caller.subject, origin);
    if (accountId !== undefined) return { ...caller, subject: { ...caller.subject, accountId } };
  }
  throw new Error('An account is made and deleted over and over.');
}

async function makeAccount(db: Database, { subject, serviceKeyId }: Named, origin: Origin): Promise<void> {
  const { sessionId, externalId } = subject;
  const id = newId();
  const source: EventSource = {
    ...sourceOfAnonymous(origin),
    actorId: id,
    sessionId,
    serviceKeyId,
    method: 'SERVICE',
  };
  const facts = { accountId: sql`made.id`, reason: sql`null` };
  await sql`
    with made as (
      insert into accounts (id, origin, external_id) values (${id}, ${subject.origin}, ${externalId})
      on conflict (origin, external_id) do nothing returning id
    ), ${raisedWithin(source, { action: 'ACCOUNT_REGISTERED', from: sql`made`, facts })}
    select id from made
  `.execute(db);
}

/** Undefined where there is no account, or not any more. */
async function openSession(db: Database, subject: Subject, origin: Origin): Promise<string | undefined> {
  const { rows } = await sql<{ accountId: string }>`
    insert into sessions as s (id, account_id, method, expires_at, ip_address, network)
    select ${subject.sessionId}::uuid, a.id, 'SERVICE', sparekey_now() + make_interval(hours => ${SESSION_HOURS}),
      ${origin.address ?? null}, ${origin.network ?? null}
    from accounts a where a.origin = ${subject.origin} and a.external_id = ${subject.externalId}
    on conflict (id) do update set
      created_at = case when ${isLiveSession} then s.created_at else sparekey_now() end,
      authenticated_at = sparekey_now(), last_used_at = sparekey_now(), expires_at = excluded.expires_at, revoked_at = null,
      ip_address = excluded.ip_address, network = excluded.network
    where s.account_id = excluded.account_id
    returning s.account_id
  `.execute(db);
  return rows[0]?.accountId;
}
