import { sql } from 'kysely';
import type { Origin } from '../access/viewer.js';
import type { Database } from '../database.js';
import { isKnownNetwork } from './known-network.js';

/** What signing in by e-mail needs to know of a LOCAL account. */
export interface Credentials {
  readonly accountId: string;
  readonly email: string;
  readonly passwordHash: string | null;
  readonly isVerified: boolean;
  readonly isKnownNetwork: boolean;
}

/** By the address in its compared form; undefined when nobody has it. No look-up crosses origins. */
export async function credentialsOf(db: Database, emailKey: string, origin: Origin): Promise<Credentials | undefined> {
  const { rows } = await sql<Credentials>`
    select a.id as account_id, a.email, a.password_hash, a.email_verified_at is not null as is_verified,
      ${isKnownNetwork('a', origin)} as is_known_network
    from accounts a where a.email_key = ${emailKey} and a.origin = 'LOCAL'
  `.execute(db);
  return rows[0];
}
