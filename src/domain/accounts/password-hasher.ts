import { randomBytes } from 'node:crypto';
import argon2 from 'argon2';
import type { HashPool } from '../crypto/hash-pool.js';
import type { Meter } from '../meter.js';
import { normalizePassword } from './password-policy.js';

// OWASP Password Storage Cheat Sheet: argon2id, m=19 MiB, t=2, p=1.
const PARAMETERS = { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Of no password: what an unknown address is compared with. Costs nothing to make, and as much as any other to try. */
const DECOY = encoded(PARAMETERS, { salt: randomBytes(16), hash: randomBytes(32) });

/** Hashes passwords with argon2id, a bounded number at a time. */
export class PasswordHasher {
  constructor(
    private readonly pool: HashPool,
    private readonly meter: Meter,
  ) {}

  /** @throws UnavailableError when too many hashes wait. */
  async hash(password: string): Promise<string> {
    return await this.pool.run(() => {
      this.meter.hash('password');
      return argon2.hash(normalizePassword(password), PARAMETERS);
    });
  }

  /** Costs one hash whether or not there is one to compare with. @throws UnavailableError as `hash`. */
  async verify(password: string, hash: string | null | undefined): Promise<boolean> {
    const matches = await this.pool.run(() => {
      this.meter.hash('password');
      return argon2.verify(hash ?? DECOY, normalizePassword(password));
    });
    return matches && hash !== null && hash !== undefined;
  }
}

/** The PHC string in which argon2 keeps a hash. */
function encoded(
  { memoryCost, timeCost, parallelism }: typeof PARAMETERS,
  { salt, hash }: { readonly salt: Buffer; readonly hash: Buffer },
): string {
  const [saltText, hashText] = [salt, hash].map((bytes) => bytes.toString('base64').replaceAll('=', ''));
  return `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$${saltText}$${hashText}`;
}
