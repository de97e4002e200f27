import { type CryptoKey, importJWK, type JWK } from 'jose';
import type { Keyring } from '../crypto/keyring.js';
import type { Database } from '../database.js';
import { FreshRead } from '../live/fresh-read.js';
import type { Signals } from '../signals.js';
import { SecondLook } from './second-look.js';
import {
  insertCurrentKey,
  type LiveKeyRow,
  newSigningKey,
  openPrivateKey,
  readLiveKeys,
  resealPrivateKey,
  SIGNING_ALGORITHM,
} from './signing-key-rows.js';

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
}

/** The document at `/.well-known/jwks.json`, and for how long others may go by it. */
export interface PublishedKeys {
  readonly keys: readonly JWK[];
  readonly maxAgeSeconds: number;
}

interface PublicKey {
  readonly key: CryptoKey;
  readonly jwk: JWK;
  /** By the process's monotonic clock. */
  readonly endsAt: number;
}

interface LoadedKeys {
  readonly current: SigningKey;
  /** In the order in which they are published. */
  readonly publicKeys: ReadonlyMap<string, PublicKey>;
  /** When the read began. */
  readonly readAt: number;
  /** Whether it would have been heard of a change since. */
  readonly isHeard: boolean;
}

interface Parts {
  readonly keyring: Keyring;
  readonly signals: Signals;
  readonly rotationTtlSeconds: number;
}

/** As old as what is known may be while it is heard of every change, and while it is not. */
const HEARD_FRESH_MS = 60_000;
const UNHEARD_FRESH_MS = 5_000;
const MOST_PUBLISHED_SECONDS = 300;
/** Of every name that a key of ours can have: a SHA-256 thumbprint. */
const KID = /^[\w-]{43}$/;

/**
 * The keys that sign access tokens and prove them: one current, private halves sealed under RECOVERY_KEY. What was read is
 * known until word of a change comes, and for seconds only while none can.
 */
export class SigningKeys {
  readonly #read = new FreshRead(() => this.#import());
  readonly #secondLook = new SecondLook(async () => (await this.#read.get()).publicKeys);
  #loaded: LoadedKeys | undefined;
  #forgottenAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {
    parts.signals.on('sparekey_keys_changed', () => this.forget());
    parts.signals.onGap(() => this.forget());
  }

  /** Makes the first key where there is none; of several processes one does. Seals old ones under the current key anew. */
  async ensure(): Promise<void> {
    const { keyring } = this.parts;
    await insertCurrentKey(this.db, await newSigningKey(keyring));
    for (const row of await readLiveKeys(this.db)) {
      if (row.keyId !== keyring.currentId) await resealPrivateKey(this.db, keyring, row);
    }
  }

  async current(): Promise<SigningKey> {
    return (await this.#keys()).current;
  }

  /** The public key with this id, unless it is unknown, has expired or was revoked. */
  async publicKey(kid: string): Promise<CryptoKey | undefined> {
    const { publicKeys } = await this.#keys();
    const found = publicKeys.get(kid) ?? (KID.test(kid) ? await this.#secondLook.find(kid) : undefined);
    return found !== undefined && isLive(found) ? found.key : undefined;
  }

  /** What proves tokens now, to the second; nobody who goes by it as long as he may believes a key that has ended. */
  async jwks(): Promise<PublishedKeys> {
    const live = [...(await this.#keys()).publicKeys.values()].filter(isLive);
    const secondsLeft = live.map(({ endsAt }) => (endsAt - performance.now()) / 1_000);
    const maxAge = Math.min(MOST_PUBLISHED_SECONDS, this.parts.rotationTtlSeconds / 2, ...secondsLeft);
    return { keys: live.map(({ jwk }) => jwk), maxAgeSeconds: Math.max(0, Math.floor(maxAge)) };
  }

  /** For whoever changes the keys in this process, after the commit: here it holds at once. The others hear of it. */
  forget(): void {
    this.#forgottenAt = performance.now();
  }

  async #keys(): Promise<LoadedKeys> {
    const loaded = this.#loaded;
    return loaded !== undefined && this.#isFresh(loaded) ? loaded : await this.#read.get();
  }

  #isFresh({ readAt, isHeard }: LoadedKeys): boolean {
    const mostMs = isHeard && this.parts.signals.isUp ? HEARD_FRESH_MS : UNHEARD_FRESH_MS;
    return readAt > this.#forgottenAt && performance.now() - readAt < mostMs;
  }

  async #import(): Promise<LoadedKeys> {
    const [readAt, isHeard] = [performance.now(), this.parts.signals.isUp];
    const rows = await readLiveKeys(this.db);
    const current = rows.find((row) => row.isCurrent);
    if (current === undefined) throw new Error('There is no current signing key.');
    const publicKeys = await Promise.all(rows.map(async (row) => [row.kid, await publicKeyOf(row, readAt)] as const));
    const privateKey = await importKey(openPrivateKey(this.parts.keyring, current));
    const { kid } = current;
    this.#loaded = { current: { kid, privateKey }, publicKeys: new Map(publicKeys), readAt, isHeard };
    return this.#loaded;
  }
}

async function publicKeyOf({ publicJwk: jwk, secondsLeft }: LiveKeyRow, readAt: number): Promise<PublicKey> {
  const endsAt = secondsLeft === null ? Number.POSITIVE_INFINITY : readAt + secondsLeft * 1_000;
  return { key: await importKey(jwk), jwk, endsAt };
}

async function importKey(jwk: JWK): Promise<CryptoKey> {
  return (await importJWK(jwk, SIGNING_ALGORITHM)) as CryptoKey;
}

function isLive({ endsAt }: PublicKey): boolean {
  return endsAt > performance.now();
}
