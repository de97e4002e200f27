import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';

/** What a sub-key is for; each use has a key of its own. */
export type KeyPurpose = 'key-id' | 'pepper' | 'copy' | 'outbox' | 'signing-key' | 'refresh' | 'limits' | 'decoy';

export interface Sealed {
  readonly keyId: string;
  /** nonce (12 bytes) ‖ ciphertext ‖ tag (16 bytes) */
  readonly bytes: Buffer;
}

interface Binding {
  /** Diversifies the key itself, such as by session and batch. */
  readonly context?: string;
  /** Authenticated with the ciphertext: opening elsewhere fails. */
  readonly aad: string;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export class UnknownKeyError extends Error {
  constructor(keyId: string) {
    super(`No RECOVERY_KEY or RECOVERY_KEY_PREVIOUS has the key id ${keyId}.`);
  }
}

/**
 * RECOVERY_KEY and its predecessors, as sub-keys by HKDF-SHA-256 with info `sparekey/<purpose>/v1`. A key is known by its
 * id, which tells nothing of it; new things are made under the current key, old ones stay readable under theirs.
 */
export class Keyring {
  readonly currentId: string;
  readonly #keys = new Map<string, Buffer>();
  readonly #subkeys = new Map<string, KeyObject>();

  constructor(current: Buffer, previous: readonly Buffer[] = []) {
    for (const key of [...previous, current]) {
      this.#keys.set(keyIdOf(key), key);
    }
    this.currentId = keyIdOf(current);
  }

  knows(keyId: string): boolean {
    return this.#keys.has(keyId);
  }

  /** @throws UnknownKeyError when no configured key has this id. */
  subkey(purpose: KeyPurpose, keyId = this.currentId): KeyObject {
    const name = `${purpose}/${keyId}`;
    let subkey = this.#subkeys.get(name);
    if (subkey === undefined) {
      subkey = derive(this.#key(keyId), purpose);
      this.#subkeys.set(name, subkey);
    }
    return subkey;
  }

  /** A deterministic 32-byte mark of the parts, under the current key: the same for the same parts, telling nothing of them. */
  mark(purpose: KeyPurpose, ...parts: readonly string[]): Buffer {
    return hmac(this.subkey(purpose), parts);
  }

  /** AES-256-GCM with a random 96-bit nonce. */
  seal(purpose: KeyPurpose, plaintext: string, binding: Binding): Sealed {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#bound(purpose, this.currentId, binding), nonce);
    cipher.setAAD(Buffer.from(binding.aad));
    const body = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
    return { keyId: this.currentId, bytes: Buffer.concat([nonce, body, cipher.getAuthTag()]) };
  }

  /** @throws when the key is not known, or the bytes were made for another binding or changed. */
  open(purpose: KeyPurpose, sealed: Sealed, binding: Binding): string {
    const { bytes } = sealed;
    const key = this.#bound(purpose, sealed.keyId, binding);
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(binding.aad));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString('utf8');
  }

  #bound(purpose: KeyPurpose, keyId: string, { context }: Binding): KeyObject {
    return context === undefined ? this.subkey(purpose, keyId) : derive(this.#key(keyId), purpose, context);
  }

  #key(keyId: string): Buffer {
    const key = this.#keys.get(keyId);
    if (key === undefined) throw new UnknownKeyError(keyId);
    return key;
  }
}

/** HMAC-SHA-256 over the parts, each preceded by its length so that no two lists of parts read alike. */
export function hmac(key: KeyObject, parts: readonly (string | Buffer)[]): Buffer {
  const mac = createHmac('sha256', key);
  for (const part of parts) {
    const bytes = Buffer.from(part as string);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    mac.update(length).update(bytes);
  }
  return mac.digest();
}

function keyIdOf(key: Buffer): string {
  return derive(key, 'key-id').export().subarray(0, 8).toString('hex');
}

/** As a key object, which HMACs take five times as fast as the same key in a buffer. */
function derive(key: Buffer, purpose: KeyPurpose, context = ''): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', key, Buffer.from(context), `sparekey/${purpose}/v1`, 32)));
}
