import { sql } from 'kysely';
import type { Database } from '../database.js';
import type { Keyring } from './keyring.js';

/** How many active batches and live signing keys need the key with this id. */
export interface KeyUse {
  readonly keyId: string;
  readonly activeBatches: number;
  readonly signingKeys: number;
  readonly isKnown: boolean;
}

export async function keysInUse(db: Database, keyring: Keyring): Promise<readonly KeyUse[]> {
  const { rows } = await sql<Omit<KeyUse, 'isKnown'>>`
    select key_id, sum(batches)::int as active_batches, sum(keys)::int as signing_keys from (
      select pepper_key_id as key_id, count(*) as batches, 0 as keys
      from recovery_code_batches where status = 'ACTIVE' group by 1
      union all
      select key_id, 0, count(*) from signing_keys where expires_at is null or expires_at > sparekey_now() group by 1
    ) used group by key_id order by key_id
  `.execute(db);
  return rows.map((row) => ({ ...row, isKnown: keyring.knows(row.keyId) }));
}
