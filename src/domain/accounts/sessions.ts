import { type RawBuilder, sql } from 'kysely';
import { v7 as newId } from 'uuid';
import type { Origin, SignedIn, SignInMethod } from '../access/viewer.js';
import { hmac, type Keyring } from '../crypto/keyring.js';
import { hashOfToken, newSecretToken } from '../crypto/secret-token.js';
import type { Database } from '../database.js';
import { isUnheld } from '../copies/code-copies.js';
import { type EventSource, sourceOfAnonymous } from '../events/event-source.js';
import { raisedWithin } from '../events/raised-within.js';
import { isLiveSession } from './live-session-condition.js';
import { type Account, accountColumns, accountFromJson, type AccountJson } from './account.js';

export interface Session {
  readonly id: string;
  readonly accountId: string;
  readonly method: SignInMethod;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
  readonly userAgent: string | null;
  readonly ipAddress: string | null;
}

export interface OpenedSession {
  readonly session: Session;
  readonly account: Account;
  readonly refreshToken: string;
}

export interface NewSession {
  readonly id: string;
  readonly accountId: string;
  readonly method: SignInMethod;
  readonly origin: Origin;
  readonly ttlSeconds: number;
  /** Of the password that it is opened by: it has to be the account's still. */
  readonly passwordHash?: string | undefined;
}

const sessionColumns = sql<Session>`s.id, s.account_id, s.method, s.created_at, s.last_used_at, s.expires_at,
  s.user_agent, s.ip_address`;

/**
 * Opens a session with its first refresh token, notes the sign-in on the account and in the audit, in one statement.
 * Undefined where the account is gone by now, or has another password.
 */
export async function openSession(tx: Database, session: NewSession): Promise<OpenedSession | undefined> {
  const { id, accountId, method, origin, ttlSeconds, passwordHash } = session;
  const refreshToken = newSecretToken();
  const source = { ...sourceOfAnonymous(origin), actorId: accountId, sessionId: id, method };
  const isAsProven = passwordHash === undefined ? sql`true` : sql`password_hash = ${passwordHash}`;
  const { rows } = await sql<Session & { account: AccountJson }>`
    with a as (
      update accounts set last_signed_in_at = sparekey_now() where id = ${accountId} and ${isAsProven} returning *
    ), s as (
      insert into sessions (id, account_id, method, expires_at, user_agent, ip_address, network)
      select ${id}::uuid, a.id, ${method}, sparekey_now() + make_interval(secs => ${ttlSeconds}),
        ${origin.userAgent ?? null}, ${origin.address ?? null}, ${origin.network ?? null}
      from a returning *
    ), token as (
      insert into refresh_tokens (id, session_id, token_hash, expires_at)
      select ${newId()}::uuid, s.id, ${hashOfToken(refreshToken)}, s.expires_at from s
    ), ${raisedWithin(source, { action: 'SIGNED_IN', from: sql`s`, facts: { accountId: sql`s.account_id` } })}
    select ${sessionColumns}, (select row_to_json(found) from (select ${accountColumns}) found) as account from s, a
  `.execute(tx);
  if (rows[0] === undefined) return undefined;
  const { account, ...opened } = rows[0];
  return { session: opened, account: accountFromJson(account), refreshToken };
}

export type SessionOwner = Omit<SignedIn, 'kind'>;

export const ownerColumns = sql<SessionOwner>`s.id as session_id, s.account_id, coalesce(a.email_key, a.id::text) as limit_subject,
  a.role, s.method, extract(epoch from sparekey_now() - s.authenticated_at)::float8 as seconds_since_authentication`;
/** One that a trusted issuer vouches for counts only as long as it is trusted. */
const isVouchedFor = sql`(s.method <> 'FEDERATED' or exists (
  select from oidc_clients c where c.issuer = substr(a.origin, length('issuer:') + 1) and c.is_enabled))`;

/**
 * Condition for what cannot be taken back, whatever a cache knew: the session that it is done by has not ended. One that
 * was not opened here need not be there.
 */
export function isSessionOn({ sessionId, method }: EventSource): RawBuilder<boolean> {
  // A service key is looked up with each request, and its user's session is for copies only.
  if (method === 'SERVICE') return sql<boolean>`true`;
  const isOpenedHere = method === 'PASSWORD' || method === 'RECOVERY_CODE';
  const isIt = sql`s.id = ${sessionId ?? null}::uuid`;
  return isOpenedHere
    ? sql<boolean>`exists (select from sessions s where ${isIt} and ${isLiveSession})`
    : sql<boolean>`not exists (select from sessions s where ${isIt} and not ${isLiveSession})`;
}

/** What a session says now of whoever comes with it, and for how long it may say so. */
export interface KnownSession {
  readonly signedIn: SignedIn;
  readonly secondsLeft: number;
}

/** The caller behind a session, if it has neither ended nor been revoked and its account is there. One statement. */
export async function findLiveSession(db: Database, sessionId: string): Promise<KnownSession | undefined> {
  const { rows } = await sql<SessionOwner & { secondsLeft: number }>`
    select ${ownerColumns}, extract(epoch from s.expires_at - sparekey_now())::float8 as seconds_left
    from sessions s join accounts a on a.id = s.account_id
    where s.id = ${sessionId} and ${isLiveSession} and ${isVouchedFor}
  `.execute(db);
  const [found] = rows;
  if (found === undefined) return undefined;
  const { secondsLeft, ...owner } = found;
  return { signedIn: { kind: 'signed-in', ...owner }, secondsLeft };
}

/** The same for several sessions, in one statement and by their ids: those that let nobody in are left out. */
export async function signedInByEach(db: Database, ids: readonly string[]): Promise<ReadonlyMap<string, SignedIn>> {
  const { rows } = await sql<SessionOwner>`
    select ${ownerColumns} from sessions s join accounts a on a.id = s.account_id
    where s.id = any(${[...ids]}::uuid[]) and ${isLiveSession} and ${isVouchedFor}
  `.execute(db);
  return new Map(rows.map((row) => [row.sessionId, { kind: 'signed-in', ...row }]));
}

/** The sessions of each of the accounts that still let somebody in, by the account's id: latest first. */
export async function liveSessionsOf(
  db: Database,
  accountIds: readonly string[],
): Promise<ReadonlyMap<string, readonly Session[]>> {
  const { rows } = await sql<Session>`
    select ${sessionColumns} from sessions s where s.account_id = any(${[...accountIds]}::uuid[]) and ${isLiveSession}
    order by s.created_at desc, s.id desc
  `.execute(db);
  return Map.groupBy(rows, ({ accountId }) => accountId);
}

/**
 * Ends a session, tells every process and wipes the copies it has, but for one that a mail under way holds; its tokens
 * stay, so that a replay is still told. False where it was revoked before.
 */
export async function revokeSession(tx: Database, sessionId: string): Promise<boolean> {
  const ended = await endSessions(tx, sql`s.id = ${sessionId}`);
  return ended.length > 0;
}

/**
 * The same for the sessions of an account that are not over: all, all but one, or only one. Returns the ids of those that
 * it ended, for `SessionCache.forget` after the commit.
 */
export async function revokeSessionsOf(
  tx: Database,
  accountId: string,
  { except = null, only = null }: { readonly except?: string | null; readonly only?: string | null } = {},
): Promise<readonly string[]> {
  const isMeant = sql`s.id is distinct from ${except}::uuid and (${only}::uuid is null or s.id = ${only}::uuid)`;
  return await endSessions(tx, sql`s.account_id = ${accountId} and ${isMeant} and s.expires_at > sparekey_now()`);
}

/**
 * Two statements: the second sees what whoever held the lock has committed, such as a copy. The word to others is part of
 * the commit: it arrives before anything that a relay delivers, and endings are rare.
 */
async function endSessions(tx: Database, which: RawBuilder<unknown>): Promise<readonly string[]> {
  const { rows: due } = await sql<{ id: string }>`
    select s.id from sessions s where ${which} and s.revoked_at is null order by s.id for no key update
  `.execute(tx);
  if (due.length === 0) return [];
  const { rows } = await sql<{ id: string }>`
    with ended as (
      update sessions s set revoked_at = sparekey_now()
      where s.id = any(${due.map(({ id }) => id)}::uuid[]) and s.revoked_at is null returning s.id
    ), wiped as (
      delete from code_copies using ended where code_copies.session_id = ended.id and ${isUnheld()}
    )
    select id, pg_notify('sparekey_session_ended', id::text) from ended
  `.execute(tx);
  return rows.map(({ id }) => id);
}

/**
 * What a refresh token leads to. The successor is computed from the token, so that a retry within the grace gets the
 * same one; a token that was used before is a replay, and ends its whole session.
 */
export type Rotation =
  | { readonly kind: 'rotated'; readonly session: Session; readonly refreshToken: string }
  | { readonly kind: 'reused'; readonly session: Session; readonly isFirst: boolean }
  | { readonly kind: 'expired' }
  | { readonly kind: 'unknown' };

interface TokenRow extends Session {
  readonly tokenId: string;
  readonly isUsed: boolean;
  readonly isInGrace: boolean;
  readonly isOver: boolean;
  readonly revokedAt: Date | null;
}

/** Rotates under a lock on the token's row. Returns replays as values, so that the revocation commits. */
export async function rotateRefreshToken(
  tx: Database,
  keyring: Keyring,
  { presented, graceSeconds }: { readonly presented: string; readonly graceSeconds: number },
): Promise<Rotation> {
  const found = await lockToken(tx, presented, graceSeconds);
  if (found === undefined) return { kind: 'unknown' };
  const successor = hmac(keyring.subkey('refresh'), [found.id, presented]).toString('base64url');
  if (found.isUsed) {
    const isRetry = found.isInGrace && found.revokedAt === null && (await isUnused(tx, successor));
    if (!isRetry) return { kind: 'reused', session: found, isFirst: await revokeSession(tx, found.id) };
  }
  if (found.revokedAt !== null || found.isOver) return { kind: 'expired' };
  const { rows } = await sql<Session>`
    with used as (
      update refresh_tokens set used_at = coalesce(used_at, sparekey_now()) where id = ${found.tokenId}
    ), token as (
      insert into refresh_tokens (id, session_id, token_hash, expires_at)
      select ${newId()}::uuid, id, ${hashOfToken(successor)}, expires_at from sessions where id = ${found.id}
      on conflict (token_hash) do nothing
    )
    update sessions s set last_used_at = sparekey_now() where s.id = ${found.id} returning ${sessionColumns}
  `.execute(tx);
  return { kind: 'rotated', session: rows[0] as Session, refreshToken: successor };
}

async function lockToken(tx: Database, presented: string, graceSeconds: number): Promise<TokenRow | undefined> {
  const { rows } = await sql<TokenRow>`
    select ${sessionColumns}, s.revoked_at, t.id as token_id, t.used_at is not null as is_used,
      coalesce(t.used_at > sparekey_now() - make_interval(secs => ${graceSeconds}), false) as is_in_grace,
      s.expires_at <= sparekey_now() as is_over
    from refresh_tokens t join sessions s on s.id = t.session_id
    where t.token_hash = ${hashOfToken(presented)}
    for update of s, t
  `.execute(tx);
  return rows[0];
}

async function isUnused(tx: Database, token: string): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    select true as found from refresh_tokens where token_hash = ${hashOfToken(token)} and used_at is null
  `.execute(tx);
  return rows.length > 0;
}
