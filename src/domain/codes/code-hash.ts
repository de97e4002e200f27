import { createHmac, randomBytes } from 'node:crypto';
import argon2 from 'argon2';
import type { Keyring } from '../crypto/keyring.js';
import type { HashPool } from '../crypto/hash-pool.js';
import type { Meter } from '../meter.js';
import { codeEntropyBits, type CodeFormat, normalizeCode } from './code-format.js';

/** What one slow hash costs. */
export interface HashParameters {
  readonly memoryKib: number;
  readonly passes: number;
}

/** How a batch's codes are hashed; stored on the batch, so that changing settings or keys orphans nothing. */
export interface CodeHashing extends HashParameters {
  readonly salt: Buffer;
  readonly pepperKeyId: string;
}

const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** At 112 bits NIST SP 800-63B-4 §3.1.2.2 and ASVS 6.5.2 ask for no slow hash. */
const STRONG_CODE_BITS = 112;

export function hashParametersFor(format: CodeFormat): HashParameters {
  return codeEntropyBits(format) >= STRONG_CODE_BITS
    ? { memoryKib: 1024, passes: 1 }
    : { memoryKib: 19_456, passes: 2 };
}

/**
 * Hashes codes: HMAC-SHA-256 under the pepper of argon2id of the normalised code with the batch's salt. The outer keyed
 * hash is NIST's additional iteration with a secret key. One salt a batch lets an attempt cost exactly one hash.
 */
export class CodeHasher {
  constructor(
    private readonly keyring: Keyring,
    private readonly pool: HashPool,
    private readonly meter: Meter,
  ) {}

  newHashing(parameters: HashParameters): CodeHashing {
    return { ...parameters, salt: randomBytes(SALT_BYTES), pepperKeyId: this.keyring.currentId };
  }

  /** @throws UnavailableError when too many hashes wait; UnknownKeyError when the batch's pepper is not configured. */
  async hash(typedCode: string, hashing: CodeHashing): Promise<Buffer> {
    const pepper = this.keyring.subkey('pepper', hashing.pepperKeyId);
    const inner = await this.pool.run(() => {
      this.meter.hash('code');
      return argon2.hash(normalizeCode(typedCode), {
        raw: true,
        type: argon2.argon2id,
        salt: hashing.salt,
        hashLength: HASH_BYTES,
        memoryCost: hashing.memoryKib,
        timeCost: hashing.passes,
        parallelism: 1,
      });
    });
    return createHmac('sha256', pepper).update(inner).digest();
  }
}
