import argon2 from 'argon2';
import type { HashPool } from '../crypto/hash-pool.js';
import type { Meter } from '../meter.js';
import { normalizePassword } from './password-policy.js';

// OWASP Password Storage Cheat Sheet: argon2id, m=19 MiB, t=2, p=1.
const PARAMETERS = { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Hashes passwords with argon2id, a bounded number at a time. */
export class PasswordHasher {
  #decoy: Promise<string> | undefined;

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
    const compared = hash ?? (await (this.#decoy ??= argon2.hash('no account has this password', PARAMETERS)));
    const matches = await this.pool.run(() => {
      this.meter.hash('password');
      return argon2.verify(compared, normalizePassword(password));
    });
    return matches && hash !== null && hash !== undefined;
  }
}
