import { type RawBuilder, sql } from 'kysely';
import { v7 as newId } from 'uuid';
import { hashOfToken } from '../crypto/secret-token.js';
import type { Database } from '../database.js';
import type { EmailAddress } from './email.js';
import { voidTokens } from './verification-tokens.js';

/** A change of address that both sides may confirm still. */
export interface PendingEmailChange {
  readonly newEmail: string;
  readonly confirmedByCurrent: boolean;
  readonly confirmedByNew: boolean;
  readonly expiresAt: Date;
}

/** Condition on `email_change_requests r`: not completed, and not too late. */
const isOpen = sql<boolean>`r.completed_at is null and r.expires_at > sparekey_now()`;

/** The open change of each of the accounts, by the account's id. */
export async function pendingEmailChangesOf(
  db: Database,
  accountIds: readonly string[],
): Promise<ReadonlyMap<string, PendingEmailChange>> {
  const { rows } = await sql<PendingEmailChange & { accountId: string }>`
    select r.account_id, r.new_email, r.expires_at, r.confirmed_by_current_at is not null as confirmed_by_current,
      r.confirmed_by_new_at is not null as confirmed_by_new
    from email_change_requests r where r.account_id = any(${[...accountIds]}::uuid[]) and ${isOpen}
  `.execute(db);
  return new Map(rows.map(({ accountId, ...change }) => [accountId, change]));
}

/** Puts a new request in the place of whatever there was, whose tokens are void from here on. Returns its id. */
export async function replaceRequest(
  tx: Database,
  {
    accountId,
    email,
    ttlSeconds,
  }: { readonly accountId: string; readonly email: EmailAddress; readonly ttlSeconds: number },
): Promise<string> {
  const id = newId();
  await voidTokens(tx, accountId, 'EMAIL_CHANGE');
  await sql`
    insert into email_change_requests (id, account_id, new_email, new_email_key, expires_at)
    values (${id}, ${accountId}, ${email.address}, ${email.key}, sparekey_now() + make_interval(secs => ${ttlSeconds}))
    on conflict (account_id) do update set id = excluded.id, new_email = excluded.new_email,
      new_email_key = excluded.new_email_key, created_at = excluded.created_at, expires_at = excluded.expires_at,
      confirmed_by_current_at = null, confirmed_by_new_at = null, completed_at = null
  `.execute(tx);
  return id;
}

/** Takes an open request back, and voids its tokens. False where there was none. */
export async function dropEmailChange(tx: Database, accountId: string): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    delete from email_change_requests r where r.account_id = ${accountId} and ${isOpen} returning r.id
  `.execute(tx);
  if (rows.length === 0) return false;
  await voidTokens(tx, accountId, 'EMAIL_CHANGE');
  return true;
}

/** An open request whose new address has not confirmed it. */
export interface UnconfirmedAddress {
  readonly accountId: string;
  readonly newEmail: string;
  readonly newEmailKey: string;
  readonly secondsLeft: number;
}

export async function findUnconfirmed(db: Database, requestId: string): Promise<UnconfirmedAddress | undefined> {
  const { rows } = await sql<UnconfirmedAddress>`
    select r.account_id, r.new_email, r.new_email_key,
      extract(epoch from r.expires_at - sparekey_now())::float8 as seconds_left
    from email_change_requests r where r.id = ${requestId} and r.confirmed_by_new_at is null and ${isOpen}
  `.execute(db);
  return rows[0];
}

/** What one token confirms. */
export interface Confirmation {
  readonly requestId: string;
  readonly accountId: string;
  readonly email: string;
  readonly newEmail: string;
  readonly newEmailKey: string;
  /** The address that the token was mailed to, in its compared form: one side's. */
  readonly sideKey: string;
  readonly side: 'current' | 'new';
  /** The other side has confirmed. */
  readonly isLast: boolean;
}

/** An unused, unexpired token of an open request, for a side that has not confirmed yet. */
export async function findConfirmation(db: Database, secret: string): Promise<Confirmation | undefined> {
  const { rows } = await sql<Confirmation>`
    select r.id as request_id, r.account_id, a.email, r.new_email, r.new_email_key, t.email_key as side_key,
      case when t.email_key = a.email_key then 'current' else 'new' end as side,
      (r.confirmed_by_current_at is not null or r.confirmed_by_new_at is not null) as is_last
    from verification_tokens t join accounts a on a.id = t.account_id
      join email_change_requests r on r.account_id = a.id
    where t.token_hash = ${hashOfToken(secret)} and t.purpose = 'EMAIL_CHANGE'
      and t.used_at is null and t.expires_at > sparekey_now() and ${isOpen} and (
        (t.email_key = a.email_key and r.confirmed_by_current_at is null)
        or (t.email_key = r.new_email_key and r.confirmed_by_new_at is null))
  `.execute(db);
  return rows[0];
}

/** Notes that a side has confirmed, and uses its tokens up. */
export async function noteConfirmed(
  tx: Database,
  { requestId, accountId, side, sideKey }: Confirmation,
): Promise<void> {
  await sql`
    update email_change_requests set ${column(side)} = sparekey_now() where id = ${requestId}
  `.execute(tx);
  await sql`
    update verification_tokens set used_at = sparekey_now()
    where account_id = ${accountId} and purpose = 'EMAIL_CHANGE' and email_key = ${sideKey} and used_at is null
  `.execute(tx);
}

function column(side: Confirmation['side']): RawBuilder<unknown> {
  return side === 'current' ? sql`confirmed_by_current_at` : sql`confirmed_by_new_at`;
}

/** Both sides have confirmed: the account has its new address from here on, which was proved just now. */
export async function putNewAddress(tx: Database, confirmation: Confirmation): Promise<void> {
  const { requestId, accountId, newEmail, newEmailKey } = confirmation;
  await sql`
    update accounts set email = ${newEmail}, email_key = ${newEmailKey}, email_verified_at = sparekey_now()
    where id = ${accountId}
  `.execute(tx);
  await sql`update email_change_requests set completed_at = sparekey_now() where id = ${requestId}`.execute(tx);
}
