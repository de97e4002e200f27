import { sql } from 'kysely';
import type { Keyring } from '../crypto/keyring.js';
import type { Database } from '../database.js';
import type { EventSource } from '../events/event-source.js';
import { raise } from '../events/raise.js';
import { signal } from '../signals.js';
import { insertCurrentKey, newSigningKey, type NewSigningKey, type SigningKeyRecord } from './signing-key-rows.js';

export interface SigningKeyRotation {
  /** How long the key that was current goes on proving tokens. */
  readonly ttlSeconds: number;
  /** Ends every previous key now: tokens that they signed are refused. */
  readonly isPreviousRevoked: boolean;
  /** Only if the current key is older than so many days. */
  readonly ifOlderThanDays?: number;
  readonly occasion: 'by hand' | 'from the command line' | 'as scheduled';
  readonly source: EventSource;
}

/** Any number that no other program takes in this database; rotations go one after the other. */
const ROTATION_LOCK = 7_277_338;
/** By the one clock, and not when the transaction began: it may have waited. */
const rightNow = sql<Date>`(clock_timestamp() + (sparekey_now() - now()))`;

/**
 * Makes a new current key in one transaction, and tells every process with the commit. Of rotations at the same time each
 * is one of its own; one that depends on the age of the key finds a young one. Undefined where it was not old enough.
 */
export async function rotateSigningKey(
  db: Database,
  keyring: Keyring,
  rotation: SigningKeyRotation,
): Promise<SigningKeyRecord | undefined> {
  if (!(await isDue(db, rotation))) return undefined;
  const key = await newSigningKey(keyring);
  return await db.transaction().execute(async (tx) => {
    await sql`select pg_advisory_xact_lock(${ROTATION_LOCK})`.execute(tx);
    return (await isDue(tx, rotation)) ? await replaceCurrent(tx, key, rotation) : undefined;
  });
}

async function isDue(db: Database, { ifOlderThanDays: days }: SigningKeyRotation): Promise<boolean> {
  if (days === undefined) return true;
  const { rows } = await sql`
    select 1 from signing_keys where is_current and created_at < ${rightNow} - make_interval(hours => 24 * ${days}::int)
  `.execute(db);
  return rows.length > 0;
}

async function replaceCurrent(
  tx: Database,
  key: NewSigningKey,
  { ttlSeconds, isPreviousRevoked, occasion, source }: SigningKeyRotation,
): Promise<SigningKeyRecord> {
  const { rows } = await sql<{ now: string }>`select ${rightNow}::text as now`.execute(tx);
  const now = sql<Date>`${rows[0]?.now}::timestamptz`;
  const lifeLeft = isPreviousRevoked ? 0 : ttlSeconds;
  await sql`
    update signing_keys set is_current = false, expires_at = ${now} + make_interval(secs => ${lifeLeft})
    where is_current or (${isPreviousRevoked}::boolean and expires_at > ${now})
  `.execute(tx);
  const record = await insertCurrentKey(tx, key, now);
  // Only a start may have made one since, where there was none.
  if (record === undefined) throw new Error('Another process made a current signing key meanwhile.');
  const reason = `${occasion}${isPreviousRevoked ? ', previous keys revoked' : ''}; the new key is ${key.kid}`;
  await raise(tx, [{ ...source, action: 'KEY_ROTATED', reason, about: reason }]);
  await signal(tx, 'sparekey_keys_changed', [key.kid]);
  return record;
}
