import { beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import argon2 from 'argon2';
import { HashPool } from '../../src/domain/crypto/hash-pool.js';
import { UnavailableError } from '../../src/domain/errors.js';
import type { PasswordHasher as Hasher } from '../../src/domain/accounts/password-hasher.js';

/** How often the library really hashed, whatever the meter says. */
const computed = { hash: 0, verify: 0 };
jest.unstable_mockModule('argon2', () => ({
  default: {
    ...argon2,
    hash: (...args: Parameters<typeof argon2.hash>) => ((computed.hash += 1), argon2.hash(...args)),
    verify: (...args: Parameters<typeof argon2.verify>) => ((computed.verify += 1), argon2.verify(...args)),
  },
}));

let PasswordHasher: typeof Hasher;
let metered = 0;

beforeAll(async () => {
  ({ PasswordHasher } = await import('../../src/domain/accounts/password-hasher.js'));
});
beforeEach(() => {
  Object.assign(computed, { hash: 0, verify: 0 });
  metered = 0;
});

function newHasher(queueLength = 64): Hasher {
  const meter = { hash: () => void (metered += 1), spend: () => undefined, refusal: () => undefined };
  return new PasswordHasher(new HashPool({ concurrency: 2, queueLength }), meter);
}

describe('hashing passwords', () => {
  it('accepts the password, in whatever Unicode form it is typed, and no other', async () => {
    const hasher = newHasher();
    const hash = await hasher.hash('caf\u00e9 cr\u00e8me ﬁne');
    expect(await hasher.verify('cafe\u0301 cre\u0300me fine', hash)).toBe(true);
    expect(await hasher.verify('cafe creme fine', hash)).toBe(false);
  });

  it('salts each hash by itself', async () => {
    const hasher = newHasher();
    expect(await hasher.hash('the same')).not.toBe(await hasher.hash('the same'));
  });

  it.each([[null], [undefined]])(
    'costs one hash, the first time too, where there is none to compare with (%s)',
    async (none) => {
      const hasher = newHasher();
      expect(await hasher.verify('whatever', none)).toBe(false);
      expect([computed, metered]).toEqual([{ hash: 0, verify: 1 }, 1]);
    },
  );

  it('takes as long for no hash as for a real one', async () => {
    const hasher = newHasher();
    const real = await hasher.hash('a password');
    const took = async (hash: string | null) => {
      const begun = performance.now();
      await hasher.verify('another password', hash);
      return performance.now() - begun;
    };
    // By turns and the best of each, so that a busy machine slows both alike.
    const times: (readonly [number, number])[] = [];
    for (let n = 0; n < 8; n += 1) times.push([await took(real), await took(null)]);
    const known = Math.min(...times.map(([time]) => time));
    const unknown = Math.min(...times.map(([, time]) => time));
    expect(unknown / known).toBeGreaterThan(0.5);
    expect(unknown / known).toBeLessThan(2);
  });

  it('refuses what finds the queue full, and computes nothing for it', async () => {
    const hasher = newHasher(3);
    const tries = await Promise.allSettled(Array.from({ length: 10 }, () => hasher.verify('x', null)));
    const refused = tries.filter((each) => each.status === 'rejected');
    expect(refused.every((each) => each.reason instanceof UnavailableError)).toBe(true);
    expect(computed.verify).toBe(10 - refused.length);
    expect(refused.length).toBeGreaterThanOrEqual(5);
    expect(await hasher.verify('x', null)).toBe(false);
  });
});
