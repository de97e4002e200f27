import { sql } from 'kysely';
import { v7 as newId } from 'uuid';
import type { Database } from '../database.js';
import { ConflictError } from '../errors.js';
import { raise } from '../events/raise.js';
import type { EmailAddress } from './email.js';

// Any number that no other program takes in this database; it makes processes that start together agree on one admin.
const FIRST_ADMIN_LOCK = 7_277_334;

export async function hasAnyAccount(db: Database): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`select exists (select from accounts) as found`.execute(db);
  return rows[0]?.found === true;
}

/** Makes the first admin of an empty database; of several processes one does. False where there are accounts. */
export async function makeFirstAdmin(db: Database, email: EmailAddress, passwordHash: string): Promise<boolean> {
  return await db.transaction().execute(async (tx) => {
    await sql`select pg_advisory_xact_lock(${FIRST_ADMIN_LOCK})`.execute(tx);
    if (await hasAnyAccount(tx)) return false;
    await makeAdmin(tx, email, passwordHash);
    return true;
  });
}

/** Makes an admin whose address counts as verified. @throws ConflictError where the address has an account */
export async function makeAdmin(tx: Database, { address, key }: EmailAddress, passwordHash: string): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    insert into accounts (id, email, email_key, role, password_hash, email_verified_at)
    values (${newId()}, ${address}, ${key}, 'ADMIN', ${passwordHash}, sparekey_now())
    on conflict (email_key) do nothing returning id
  `.execute(tx);
  const [made] = rows;
  if (made === undefined) throw new ConflictError('This address has an account already.');
  await raise(tx, [{ action: 'ACCOUNT_REGISTERED', accountId: made.id, reason: 'admin' }]);
}
