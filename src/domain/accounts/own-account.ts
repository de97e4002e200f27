import { sql } from 'kysely';
import type { SignedIn } from '../access/viewer.js';
import type { Database } from '../database.js';
import { isLiveSession } from './live-session-condition.js';
import { type Account, accountColumns } from './account.js';

/**
 * Locks the account of a caller who has just given its password, if neither that password nor the session has gone
 * meanwhile; undefined otherwise.
 */
export async function lockProven(
  tx: Database,
  { accountId, sessionId }: SignedIn,
  passwordHash: string,
): Promise<Account | undefined> {
  const { rows } = await sql<Account>`
    select ${accountColumns} from accounts a
    where a.id = ${accountId} and a.password_hash = ${passwordHash} and exists (
      select from sessions s where s.id = ${sessionId} and ${isLiveSession})
    for no key update of a
  `.execute(tx);
  return rows[0];
}
