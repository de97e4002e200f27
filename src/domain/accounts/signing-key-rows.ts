import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import { type RawBuilder, sql } from 'kysely';
import type { Keyring, Sealed } from '../crypto/keyring.js';
import type { Database } from '../database.js';

/** What access tokens are signed with. */
export const SIGNING_ALGORITHM = 'EdDSA';

/** A key as admins know it: nothing of either half. */
export interface SigningKeyRecord {
  readonly kid: string;
  readonly algorithm: string;
  readonly isCurrent: boolean;
  readonly createdAt: Date;
  /** Null: it has no end yet. */
  readonly expiresAt: Date | null;
}

/** A key that proves tokens now. */
export interface LiveKeyRow {
  readonly kid: string;
  readonly publicJwk: JWK;
  readonly sealedPrivateJwk: Buffer;
  readonly keyId: string;
  readonly isCurrent: boolean;
  /** Until it expires; null: it has no end yet. */
  readonly secondsLeft: number | null;
}

/** A pair that is in no database yet. */
export interface NewSigningKey {
  readonly kid: string;
  readonly publicJwk: JWK;
  readonly sealed: Sealed;
}

const recordColumns = sql<SigningKeyRecord>`kid, algorithm, is_current, created_at, expires_at`;

/** The current one first, then the newest. */
export async function readLiveKeys(db: Database): Promise<readonly LiveKeyRow[]> {
  const { rows } = await sql<LiveKeyRow>`
    select kid, public_jwk, sealed_private_jwk, key_id, is_current,
      extract(epoch from expires_at - sparekey_now())::float8 as seconds_left
    from signing_keys
    where expires_at is null or expires_at > sparekey_now()
    order by is_current desc, created_at desc, kid
  `.execute(db);
  return rows;
}

/** All that are there, expired ones until they are cleaned up: the current one first, then the newest. */
export async function listSigningKeys(db: Database): Promise<readonly SigningKeyRecord[]> {
  const { rows } = await sql<SigningKeyRecord>`
    select ${recordColumns} from signing_keys order by is_current desc, created_at desc, kid
  `.execute(db);
  return rows;
}

export async function newSigningKey(keyring: Keyring): Promise<NewSigningKey> {
  const pair = await generateKeyPair(SIGNING_ALGORITHM, { extractable: true });
  const jwk = await exportJWK(pair.publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  const publicJwk = { ...jwk, kid, alg: SIGNING_ALGORITHM, use: 'sig' };
  const sealed = keyring.seal('signing-key', JSON.stringify(await exportJWK(pair.privateKey)), { aad: kid });
  return { kid, publicJwk, sealed };
}

/** As the current key, created at the given moment; undefined where there is a current one. */
export async function insertCurrentKey(
  db: Database,
  { kid, publicJwk, sealed }: NewSigningKey,
  createdAt: RawBuilder<Date> = sql`sparekey_now()`,
): Promise<SigningKeyRecord | undefined> {
  const { rows } = await sql<SigningKeyRecord>`
    insert into signing_keys (kid, algorithm, public_jwk, sealed_private_jwk, key_id, is_current, created_at)
    values (${kid}, ${SIGNING_ALGORITHM}, ${JSON.stringify(publicJwk)}, ${sealed.bytes}, ${sealed.keyId}, true, ${createdAt})
    on conflict (is_current) where is_current do nothing
    returning ${recordColumns}
  `.execute(db);
  return rows[0];
}

/** The private half, as a JSON Web Key. @throws UnknownKeyError where no configured key opens it. */
export function openPrivateKey(
  keyring: Keyring,
  { kid, keyId, sealedPrivateJwk }: Pick<LiveKeyRow, 'kid' | 'keyId' | 'sealedPrivateJwk'>,
): JWK {
  return JSON.parse(keyring.open('signing-key', { keyId, bytes: sealedPrivateJwk }, { aad: kid })) as JWK;
}

/** Seals the private half under the current RECOVERY_KEY, unless somebody did meanwhile. */
export async function resealPrivateKey(db: Database, keyring: Keyring, row: LiveKeyRow): Promise<void> {
  const sealed = keyring.seal('signing-key', JSON.stringify(openPrivateKey(keyring, row)), { aad: row.kid });
  await sql`
    update signing_keys set sealed_private_jwk = ${sealed.bytes}, key_id = ${sealed.keyId}
    where kid = ${row.kid} and key_id = ${row.keyId}
  `.execute(db);
}
