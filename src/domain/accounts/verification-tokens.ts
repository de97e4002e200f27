import { sql } from 'kysely';
import { v7 as newId } from 'uuid';
import type { Keyring } from '../crypto/keyring.js';
import { hashOfToken, newSecretToken } from '../crypto/secret-token.js';
import type { Database } from '../database.js';
import { sealForOutbox, type SealedPart } from '../events/sealed-part.js';

export type TokenPurpose = 'EMAIL_VERIFICATION' | 'PASSWORD_RESET' | 'EMAIL_CHANGE';

export interface NewToken {
  readonly accountId: string;
  readonly purpose: TokenPurpose;
  readonly emailKey: string;
  readonly passwordHash?: string | null;
  readonly ttlSeconds: number;
}

export interface LiveToken {
  readonly id: string;
  readonly accountId: string;
  readonly email: string;
  readonly passwordHash: string | null;
  /**
   * How often the address was registered within the time given; a link mailed again is no registration, one
   * that the relay has yet to store is. */
  readonly registrations: number;
}

/** Makes a token of 32 random bytes, stored only as its hash, and returns it sealed for the mail. */
export async function issueToken(tx: Database, keyring: Keyring, token: NewToken): Promise<SealedPart> {
  const secret = newSecretToken();
  await sql`
    insert into verification_tokens (id, account_id, purpose, email_key, token_hash, password_hash, expires_at)
    values (${newId()}, ${token.accountId}, ${token.purpose}, ${token.emailKey}, ${hashOfToken(secret)},
      ${token.passwordHash ?? null}, sparekey_now() + make_interval(secs => ${token.ttlSeconds}))
  `.execute(tx);
  return sealForOutbox(keyring, secret);
}

/** An unused, unexpired token of this purpose, for the address that its account has now; a verified one needs no link. */
export async function findLiveToken(
  db: Database,
  secret: string,
  { purpose, registeredWithinSeconds }: { readonly purpose: TokenPurpose; readonly registeredWithinSeconds: number },
): Promise<LiveToken | undefined> {
  const { rows } = await sql<LiveToken>`
    select t.id, t.account_id, a.email, t.password_hash, (
      select count(distinct coalesce(other.password_hash, other.id::text))::int from verification_tokens other
      where other.account_id = t.account_id and other.purpose = t.purpose
        and other.created_at > sparekey_now() - make_interval(secs => ${registeredWithinSeconds})
    ) + (
      select count(*)::int from outbox o
      where o.topic = 'registration-requested' and o.delivered_at is null and o.failed_at is null
        and lower(o.payload->>'email') = a.email_key
    ) as registrations
    from verification_tokens t join accounts a on a.id = t.account_id and a.email_key = t.email_key
    where t.token_hash = ${hashOfToken(secret)} and t.purpose = ${purpose}
      and t.used_at is null and t.expires_at > sparekey_now()
      and (t.purpose <> 'EMAIL_VERIFICATION' or a.email_verified_at is null)
  `.execute(db);
  return rows[0];
}

/** Voids the unused tokens of an account, or those for one purpose. */
export async function voidTokens(tx: Database, accountId: string, purpose?: TokenPurpose): Promise<void> {
  await sql`
    update verification_tokens set used_at = sparekey_now()
    where account_id = ${accountId} and used_at is null and purpose = coalesce(${purpose ?? null}, purpose)
  `.execute(tx);
}

/** Uses a token up and voids every other of its account. False when somebody else used it meanwhile. */
export async function useToken(tx: Database, token: LiveToken): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    update verification_tokens set used_at = sparekey_now()
    where account_id = ${token.accountId} and used_at is null
      and exists (select from verification_tokens where id = ${token.id} and used_at is null)
    returning id
  `.execute(tx);
  return rows.some((row) => row.id === token.id);
}
