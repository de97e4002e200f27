import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CODE_ALPHABET_SIZE } from '../../src/config/cross-checks.js';
import { loadConfig } from '../../src/config/load-config.js';
import {
  CODE_ALPHABET,
  codeEntropyBits,
  newCode,
  newCodes,
  normalizeCode,
} from '../../src/domain/codes/code-format.js';
import { CodeHasher, hashParametersFor } from '../../src/domain/codes/code-hash.js';
import { HashPool } from '../../src/domain/crypto/hash-pool.js';
import { Keyring, UnknownKeyError } from '../../src/domain/crypto/keyring.js';
import { noMeter } from '../../src/domain/meter.js';

const formats = fc.record({ groups: fc.integer({ min: 1, max: 16 }), groupLength: fc.integer({ min: 1, max: 16 }) });
const SIX_BY_SIX = { groups: 6, groupLength: 6 };
const character = fc.constantFrom(...CODE_ALPHABET);
/** What the normalisation drops, as people and their software write it. */
const blanks = ['-', ' ', '\t', '\n', '\r', '\u00a0', '\u2003', '\u3000', '\ufeff'];
const blank = fc.constantFrom(...blanks);

describe('the alphabet of recovery codes', () => {
  it('holds each character once, and none that looks like another', () => {
    expect(new Set(CODE_ALPHABET).size).toBe(CODE_ALPHABET.length);
    expect(CODE_ALPHABET).toMatch(/^[A-Za-z0-9]+$/);
    expect(CODE_ALPHABET).not.toMatch(/[0Oo1Il]/);
  });

  it('has the size that the settings reckon the strength of codes with', () => {
    expect(CODE_ALPHABET).toHaveLength(CODE_ALPHABET_SIZE);
  });

  it('is drawn from without bias, in every position', () => {
    const draws = 60_000;
    const counts = new Map<string, number>();
    const byPosition = Array.from({ length: 4 }, () => new Map<string, number>());
    for (let n = 0; n < draws / 4; n += 1) {
      for (const [position, drawn] of [...newCode({ groups: 1, groupLength: 4 })].entries()) {
        counts.set(drawn, (counts.get(drawn) ?? 0) + 1);
        const here = byPosition[position] as Map<string, number>;
        here.set(drawn, (here.get(drawn) ?? 0) + 1);
      }
    }
    // 55 degrees of freedom: above 130 once in ten million runs; one character left out or drawn twice gives over 1000.
    expect(chiSquare(counts, draws)).toBeLessThan(130);
    for (const here of byPosition) expect(chiSquare(here, draws / 4)).toBeLessThan(130);
  });
});

function chiSquare(counts: ReadonlyMap<string, number>, draws: number): number {
  const expected = draws / CODE_ALPHABET.length;
  return [...CODE_ALPHABET].reduce((sum, each) => sum + ((counts.get(each) ?? 0) - expected) ** 2 / expected, 0);
}

describe('the format of recovery codes', () => {
  it('is groups of the alphabet, joined by dashes, for any format', () => {
    fc.assert(
      fc.property(formats, (format) => {
        const code = newCode(format);
        const groups = code.split('-');
        expect(groups).toHaveLength(format.groups);
        for (const group of groups) {
          expect(group).toHaveLength(format.groupLength);
          for (const each of group) expect(CODE_ALPHABET).toContain(each);
        }
      }),
    );
  });

  it('gives a batch of distinct codes, even where codes are so short that draws repeat', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), formats, (count, format) => {
        const codes = newCodes(count, format);
        expect(codes).toHaveLength(count);
        expect(new Set(codes).size).toBe(count);
      }),
    );
    // 56 codes of one character: drawn as many times as it takes to have them all.
    expect(new Set(newCodes(56, { groups: 1, groupLength: 1 })).size).toBe(56);
  });

  it('gives no code twice in twenty thousand', () => {
    const codes = Array.from({ length: 2000 }, () => newCodes(10, SIX_BY_SIX)).flat();
    expect(new Set(codes).size).toBe(20_000);
  });

  it('has as many bits as its characters have, dashes counting for nothing', () => {
    expect(codeEntropyBits(SIX_BY_SIX)).toBeCloseTo(209.06, 2);
    fc.assert(
      fc.property(formats, ({ groups, groupLength }) => {
        const bits = codeEntropyBits({ groups, groupLength });
        expect(bits).toBeCloseTo(codeEntropyBits({ groups: groupLength, groupLength: groups }), 6);
        expect(bits / (groups * groupLength)).toBeCloseTo(Math.log2(new Set(CODE_ALPHABET).size), 9);
      }),
    );
  });
});

describe('the normalisation of typed codes', () => {
  it('finds the same code however dashes and white space are put in or left out', () => {
    const typed = fc.array(fc.tuple(character, fc.array(blank, { maxLength: 3 })), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(typed, fc.array(blank, { maxLength: 3 }), (pieces, before) => {
        const characters = pieces.map(([each]) => each).join('');
        const spaced = before.join('') + pieces.map(([each, after]) => each + after.join('')).join('');
        expect(normalizeCode(spaced)).toBe(characters);
      }),
    );
  });

  it('is what remains of a printed code without its dashes', () => {
    fc.assert(
      fc.property(formats, (format) => {
        const code = newCode(format);
        expect(normalizeCode(code)).toBe(code.split('-').join(''));
      }),
    );
  });

  it('changes nothing else: neither case nor letters that look alike nor anything that was typed beside', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (typed) => {
        const kept = [...typed].filter((each) => each !== '-' && !/\s/u.test(each)).join('');
        expect(normalizeCode(typed)).toBe(kept);
        expect(normalizeCode(normalizeCode(typed))).toBe(kept);
      }),
    );
    expect(normalizeCode('aB0oO-1Il')).toBe('aB0oO1Il');
    expect(normalizeCode('a–b—c_d.e')).toBe('a–b—c_d.e');
    expect(normalizeCode(' - \n')).toBe('');
  });
});

describe('the hash of recovery codes', () => {
  it('is cheap from 112 bits on, where a slow one is not asked for, and slow below', () => {
    const shared = { cheap: { memoryKib: 1024, passes: 1 }, slow: { memoryKib: 19_456, passes: 2 } };
    fc.assert(
      fc.property(formats, (format) => {
        expect(hashParametersFor(format)).toEqual(codeEntropyBits(format) >= 112 ? shared.cheap : shared.slow);
      }),
    );
    // 20 characters have 116.1 bits, 19 have 110.3.
    expect(hashParametersFor({ groups: 4, groupLength: 5 })).toEqual(shared.cheap);
    expect(hashParametersFor({ groups: 1, groupLength: 19 })).toEqual(shared.slow);
    expect(hashParametersFor({ groups: 5, groupLength: 4 })).toEqual(shared.cheap);
    expect(hashParametersFor({ groups: 3, groupLength: 6 })).toEqual(shared.slow);
  });

  it('refuses settings whose codes have less than 64 bits', () => {
    const problemsOf = (groups: number, groupLength: number) =>
      loadConfig({ CODE_GROUPS: String(groups), CODE_GROUP_LENGTH: String(groupLength) })
        .problems.filter(({ severity }) => severity === 'ERROR')
        .map(({ setting }) => setting);
    expect(problemsOf(1, 11)).toEqual(['CODE_GROUPS']);
    expect(problemsOf(1, 12)).toEqual([]);
    expect(problemsOf(2, 5)).toEqual(['CODE_GROUPS']);
  });

  it('depends on the code, the salt, the pepper and the parameters, and on nothing that was typed between', async () => {
    const keyring = new Keyring(Buffer.alloc(32, 1), [Buffer.alloc(32, 2)]);
    const oldId = new Keyring(Buffer.alloc(32, 2)).currentId;
    const hasher = new CodeHasher(keyring, new HashPool({ concurrency: 2, queueLength: 9 }), noMeter);
    const hashing = hasher.newHashing({ memoryKib: 1024, passes: 1 });
    const hash = await hasher.hash('ABCDEF-GHJKLM', hashing);
    expect(hash).toHaveLength(32);
    expect(await hasher.hash(' abcdef\tGHJKLM'.toUpperCase(), hashing)).toEqual(hash);
    const others = await Promise.all([
      hasher.hash('abcdef-GHJKLM', hashing),
      hasher.hash('ABCDEF-GHJKLM', hasher.newHashing({ memoryKib: 1024, passes: 1 })),
      hasher.hash('ABCDEF-GHJKLM', { ...hashing, pepperKeyId: oldId }),
      hasher.hash('ABCDEF-GHJKLM', { ...hashing, memoryKib: 2048 }),
      hasher.hash('ABCDEF-GHJKLM', { ...hashing, passes: 2 }),
    ]);
    expect(new Set([hash, ...others].map((each) => each.toString('hex'))).size).toBe(6);
    const unknown = hasher.hash('ABCDEF-GHJKLM', { ...hashing, pepperKeyId: 'ffffffffffffffff' });
    await expect(unknown).rejects.toThrow(UnknownKeyError);
  });

  it('takes a salt of its own for every batch', () => {
    const hasher = new CodeHasher(
      new Keyring(Buffer.alloc(32)),
      new HashPool({ concurrency: 1, queueLength: 1 }),
      noMeter,
    );
    const salts = Array.from({ length: 100 }, () => hasher.newHashing({ memoryKib: 1024, passes: 1 }).salt);
    for (const salt of salts) expect(salt).toHaveLength(16);
    expect(new Set(salts.map((salt) => salt.toString('hex'))).size).toBe(100);
  });
});
