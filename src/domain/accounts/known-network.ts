import { type RawBuilder, sql } from 'kysely';
import type { Origin } from '../access/viewer.js';

/** Whether somebody signed in to the account from the caller's network within 30 days. */
export function isKnownNetwork(account: string, { network }: Origin): RawBuilder<boolean> {
  return sql`exists (
    select from sessions s where s.account_id = ${sql.ref(`${account}.id`)} and s.network = ${network ?? null}
      and s.created_at > sparekey_now() - interval '30 days')`;
}
