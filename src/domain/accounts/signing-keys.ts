import { calculateJwkThumbprint, type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import { sql } from 'kysely';
import type { Keyring } from '../crypto/keyring.js';
import type { Database } from '../database.js';

/** What access tokens are signed with. */
export const SIGNING_ALGORITHM = 'EdDSA';

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
}

interface KeyRow {
  readonly kid: string;
  readonly publicJwk: JWK;
  readonly sealedPrivateJwk: Buffer;
  readonly keyId: string;
  readonly isCurrent: boolean;
  /** Until it expires; null: it has no end yet. */
  readonly secondsLeft: number | null;
}

interface PublicKey {
  readonly key: CryptoKey;
  readonly jwk: JWK;
  /** By the process's monotonic clock. */
  readonly endsAt: number;
}

interface LoadedKeys {
  readonly current: SigningKey;
  readonly publicKeys: ReadonlyMap<string, PublicKey>;
  readonly loadedAt: number;
}

const STALE_AFTER_MS = 60_000;
const RELOAD_AT_MOST_EVERY_MS = 5_000;

/** The keys that sign access tokens and prove them: one current, private halves sealed under RECOVERY_KEY. */
export class SigningKeys {
  #loaded: LoadedKeys | undefined;
  #loading: Promise<LoadedKeys> | undefined;

  constructor(
    private readonly db: Database,
    private readonly keyring: Keyring,
  ) {}

  /** Makes the first key where there is none; of several processes one does. Seals old ones under the current key anew. */
  async ensure(): Promise<void> {
    const { kid, publicJwk, sealed } = await this.#generate();
    await sql`
      insert into signing_keys (kid, algorithm, public_jwk, sealed_private_jwk, key_id, is_current)
      values (${kid}, ${SIGNING_ALGORITHM}, ${JSON.stringify(publicJwk)}, ${sealed.bytes}, ${sealed.keyId}, true)
      on conflict (is_current) where is_current do nothing
    `.execute(this.db);
    for (const row of await this.#read()) {
      if (row.keyId !== this.keyring.currentId) await this.#reseal(row);
    }
  }

  async current(): Promise<SigningKey> {
    return (await this.#keys()).current;
  }

  /** The public key with this id, unless it is unknown or has expired. */
  async publicKey(kid: string): Promise<CryptoKey | undefined> {
    const keys = await this.#keys();
    const isRecent = performance.now() - keys.loadedAt < RELOAD_AT_MOST_EVERY_MS;
    const { publicKeys } = keys.publicKeys.has(kid) || isRecent ? keys : await this.#load();
    const found = publicKeys.get(kid);
    return found !== undefined && isLive(found) ? found.key : undefined;
  }

  /** The document at `/.well-known/jwks.json`. */
  async jwks(): Promise<{ readonly keys: readonly JWK[] }> {
    const { publicKeys } = await this.#keys();
    return { keys: [...publicKeys.values()].filter(isLive).map(({ jwk }) => jwk) };
  }

  async #keys(): Promise<LoadedKeys> {
    const isFresh = this.#loaded !== undefined && performance.now() - this.#loaded.loadedAt < STALE_AFTER_MS;
    return isFresh ? (this.#loaded as LoadedKeys) : await this.#load();
  }

  async #load(): Promise<LoadedKeys> {
    this.#loading ??= this.#import().finally(() => {
      this.#loading = undefined;
    });
    this.#loaded = await this.#loading;
    return this.#loaded;
  }

  async #import(): Promise<LoadedKeys> {
    const rows = await this.#read();
    const current = rows.find((row) => row.isCurrent);
    if (current === undefined) throw new Error('There is no current signing key.');
    const loadedAt = performance.now();
    const publicKeys = await Promise.all(rows.map(async (row) => [row.kid, await publicKeyOf(row, loadedAt)] as const));
    const privateKey = await this.#openPrivate(current);
    return { current: { kid: current.kid, privateKey }, publicKeys: new Map(publicKeys), loadedAt };
  }

  async #read(): Promise<readonly KeyRow[]> {
    const { rows } = await sql<KeyRow>`
      select kid, public_jwk, sealed_private_jwk, key_id, is_current,
        extract(epoch from expires_at - sparekey_now())::float8 as seconds_left
      from signing_keys
      where expires_at is null or expires_at > sparekey_now()
    `.execute(this.db);
    return rows;
  }

  async #generate() {
    const pair = await generateKeyPair(SIGNING_ALGORITHM, { extractable: true });
    const jwk = await exportJWK(pair.publicKey);
    const kid = await calculateJwkThumbprint(jwk);
    const publicJwk = { ...jwk, kid, alg: SIGNING_ALGORITHM, use: 'sig' };
    const sealed = this.keyring.seal('signing-key', JSON.stringify(await exportJWK(pair.privateKey)), { aad: kid });
    return { kid, publicJwk, sealed };
  }

  async #openPrivate(row: KeyRow): Promise<CryptoKey> {
    return (await importJWK(JSON.parse(this.#open(row)) as JWK, SIGNING_ALGORITHM)) as CryptoKey;
  }

  #open({ kid, keyId, sealedPrivateJwk }: KeyRow): string {
    return this.keyring.open('signing-key', { keyId, bytes: sealedPrivateJwk }, { aad: kid });
  }

  async #reseal(row: KeyRow): Promise<void> {
    const sealed = this.keyring.seal('signing-key', this.#open(row), { aad: row.kid });
    await sql`
      update signing_keys set sealed_private_jwk = ${sealed.bytes}, key_id = ${sealed.keyId}
      where kid = ${row.kid} and key_id = ${row.keyId}
    `.execute(this.db);
  }
}

async function publicKeyOf({ publicJwk: jwk, secondsLeft }: KeyRow, at: number): Promise<PublicKey> {
  const key = (await importJWK(jwk, SIGNING_ALGORITHM)) as CryptoKey;
  return { key, jwk, endsAt: secondsLeft === null ? Number.POSITIVE_INFINITY : at + secondsLeft * 1000 };
}

function isLive({ endsAt }: PublicKey): boolean {
  return endsAt > performance.now();
}
