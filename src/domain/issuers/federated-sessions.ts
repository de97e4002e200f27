import { type RawBuilder, sql } from 'kysely';
import { v7 as newId } from 'uuid';
import type { Origin, SignedIn } from '../access/viewer.js';
import { isLiveSession } from '../accounts/live-session-condition.js';
import { ownerColumns, type SessionOwner } from '../accounts/sessions.js';
import { derivedId } from '../crypto/derived-id.js';
import type { Database } from '../database.js';
import { sourceOfAnonymous } from '../events/event-source.js';
import { raise } from '../events/raise.js';
import { raisedWithin } from '../events/raised-within.js';
import type { FederatedClaims } from './federated-tokens.js';
import type { TrustedIssuer } from './trusted-issuers.js';

/** What the database says of a token that was found good. */
export type FoundSession =
  | { readonly kind: 'live'; readonly signedIn: SignedIn }
  /** There is none, or it ends before the token does. */
  | { readonly kind: 'to open' }
  | { readonly kind: 'revoked' }
  /** The issuer is not, or not any more, what the token was checked by. */
  | { readonly kind: 'issuer changed' };

interface Row extends SessionOwner {
  readonly isIssuerCurrent: boolean;
  readonly isRevoked: boolean | null;
  readonly isWhole: boolean | null;
}

/** Clocks need not agree to the second on whether a token was issued before its session was revoked. */
const LEEWAY = sql`interval '60 seconds'`;

/** The session that a token belongs to. The same for all tokens of it, so that nothing has to remember which is whose. */
export function sessionIdOf({ issuer, subject, session }: FederatedClaims): string {
  return derivedId('sparekey/federated-session/v1', issuer, subject, ...session);
}

export function originOfIssuer(issuer: string): string {
  return `issuer:${issuer}`;
}

/** One statement, which is all that a token costs whose session is open. */
export async function findSession(
  db: Database,
  trusted: TrustedIssuer,
  claims: FederatedClaims,
): Promise<FoundSession> {
  const { rows } = await sql<Row>`
    select c.updated_at = ${trusted.version}::timestamptz as is_issuer_current, ${isRevoked(claims)} as is_revoked,
      ${isLiveSession} and s.expires_at >= to_timestamp(${claims.expiresAt})
        and s.authenticated_at >= to_timestamp(${claims.authenticatedAt}) as is_whole,
      ${ownerColumns}
    from oidc_clients c left join (sessions s join accounts a on a.id = s.account_id)
      on s.id = ${sessionIdOf(claims)} and a.origin = ${originOfIssuer(claims.issuer)} and a.external_id = ${claims.subject}
    where c.id = ${trusted.id} and c.is_enabled
  `.execute(db);
  const [row] = rows;
  if (row?.isIssuerCurrent !== true) return { kind: 'issuer changed' };
  const { isIssuerCurrent: _, isRevoked: isOver, isWhole, ...owner } = row;
  if (isOver === true) return { kind: 'revoked' };
  return isWhole === true ? { kind: 'live', signedIn: { kind: 'signed-in', ...owner } } : { kind: 'to open' };
}

/**
 * A revoked session refuses every token of it until the last that was seen of it would have expired, and for ever those
 * that were issued before.
 */
function isRevoked({ issuedAt }: FederatedClaims): RawBuilder<boolean> {
  return sql`(s.revoked_at is not null
    and (s.expires_at > sparekey_now() or s.revoked_at >= to_timestamp(${issuedAt}) - ${LEEWAY}))`;
}

/** Thrown to take back what was written. */
class NotOpenedError extends Error {}

/**
 * Opens the session of a token, or lets it last as long as the token. The account is made on first sight, unless it was
 * deleted after the token was issued. Undefined where the session was revoked, or the account deleted, or where by the
 * database's clock the token has expired.
 */
export async function openFederatedSession(
  db: Database,
  claims: FederatedClaims,
  origin: Origin,
): Promise<SignedIn | undefined> {
  try {
    return await db.transaction().execute(async (tx) => {
      const account = await accountOf(tx, claims);
      if (account.isNew) {
        const source = { ...sourceOfAnonymous(origin), actorId: account.id, method: 'FEDERATED' as const };
        await raise(tx, [{ ...source, action: 'ACCOUNT_REGISTERED', accountId: account.id }]);
      }
      return await upsertSession(tx, claims, { accountId: account.id, origin });
    });
  } catch (error) {
    if (error instanceof NotOpenedError) return undefined;
    throw error;
  }
}

const MOST_TRIES = 5;

/** Of several that see a subject for the first time together, one makes the account and the others wait for it. */
async function accountOf(
  tx: Database,
  { issuer, subject }: FederatedClaims,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  const origin = originOfIssuer(issuer);
  for (let tried = 0; tried < MOST_TRIES; tried += 1) {
    const { rows } = await sql<{ id: string; isNew: boolean }>`
      with known as (
        select id from accounts where origin = ${origin} and external_id = ${subject}
      ), made as (
        insert into accounts (id, origin, external_id)
        select ${newId()}::uuid, ${origin}, ${subject} where not exists (select from known)
        on conflict (origin, external_id) do nothing returning id
      )
      select id, false as is_new from known union all select id, true from made
    `.execute(tx);
    if (rows[0] !== undefined) return rows[0];
  }
  throw new Error('An account is made and deleted over and over.');
}

/** @throws NotOpenedError */
async function upsertSession(
  tx: Database,
  claims: FederatedClaims,
  { accountId, origin }: { readonly accountId: string; readonly origin: Origin },
): Promise<SignedIn> {
  const id = sessionIdOf(claims);
  const source = { ...sourceOfAnonymous(origin), actorId: accountId, sessionId: id, method: 'FEDERATED' as const };
  const { rows } = await sql<SessionOwner>`
    with a as materialized (
      select * from accounts where id = ${accountId} and not ${isCutOff(claims)} for key share
    ), s as (
      insert into sessions as s (id, account_id, method, authenticated_at, expires_at, user_agent, ip_address, network)
      select ${id}::uuid, a.id, 'FEDERATED', to_timestamp(${claims.authenticatedAt}), to_timestamp(${claims.expiresAt}),
        ${origin.userAgent ?? null}, ${origin.address ?? null}, ${origin.network ?? null}
      from a
      on conflict (id) do update set
        created_at = case when s.revoked_at is null then s.created_at else sparekey_now() end,
        authenticated_at = greatest(s.authenticated_at, excluded.authenticated_at),
        expires_at = greatest(s.expires_at, excluded.expires_at), last_used_at = sparekey_now(), revoked_at = null,
        user_agent = excluded.user_agent, ip_address = excluded.ip_address, network = excluded.network
      where s.account_id = excluded.account_id and not ${isRevoked(claims)}
      returning s.*
    ), entered as (
      select * from s where s.created_at = sparekey_now()
    ), noted as (
      update accounts set last_signed_in_at = sparekey_now() from entered where accounts.id = entered.account_id
    ), ${raisedWithin(source, { action: 'SIGNED_IN', from: sql`entered`, facts: { accountId: sql`entered.account_id` } })}
    select ${ownerColumns} from s, a where s.expires_at > sparekey_now()
  `.execute(tx);
  const [owner] = rows;
  if (owner === undefined) throw new NotOpenedError();
  return { kind: 'signed-in', ...owner };
}

function isCutOff({ issuer, subject, issuedAt }: FederatedClaims): RawBuilder<boolean> {
  return sql`exists (
    select from federated_cutoffs where origin = ${originOfIssuer(issuer)} and external_id = ${subject}
      and not_before > to_timestamp(${issuedAt})
  )`;
}
