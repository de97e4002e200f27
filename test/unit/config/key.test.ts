import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { generateKey, parseKey } from '../../../src/config/key.js';
import { loadConfig } from '../../../src/config/load-config.js';

describe('a generated key', () => {
  it('is base64url of 32 bytes, or of as many as asked for', () => {
    expect(generateKey()).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(parseKey(generateKey(64))?.length).toBe(64);
  });

  it('differs each time', () => {
    expect(new Set(Array.from({ length: 100 }, () => generateKey())).size).toBe(100);
  });

  it.each([31, 0, -1, 32.5, Number.NaN, 1025])('cannot have %d bytes', (bytes) => {
    expect(() => generateKey(bytes)).toThrow(RangeError);
  });
});

describe('RECOVERY_KEY', () => {
  it('takes 32 bytes and more, padded or not', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 100 }), (bytes) => {
        const plain = Buffer.from(bytes).toString('base64url');
        const padded = plain.padEnd(Math.ceil(plain.length / 4) * 4, '=');
        for (const RECOVERY_KEY of [plain, padded]) {
          expect(loadConfig({ RECOVERY_KEY }).config?.keys.recoveryKey?.equals(bytes)).toBe(true);
        }
      }),
    );
  });

  it.each([
    ['31 bytes', Buffer.alloc(31, 7).toString('base64url')],
    ['base64 with + and /', Buffer.alloc(32, 0xfb).toString('base64')],
    ['a passphrase', 'correct horse battery staple correct horse battery'],
    ['bits beyond the last byte', `${'A'.repeat(42)}B`],
    ['a lone last character', 'A'.repeat(45)],
    ['a space before', ` ${generateKey()}`],
    ['padding in the middle', `${'A'.repeat(22)}==${'A'.repeat(22)}`],
    ['more than 1024 bytes', Buffer.alloc(1025, 7).toString('base64url')],
  ])('refuses %s', (_, RECOVERY_KEY) => {
    const { config, problems } = loadConfig({ RECOVERY_KEY });
    expect(config).toBeUndefined();
    expect(problems).toEqual([expect.objectContaining({ id: 'E010', setting: 'RECOVERY_KEY' })]);
  });
});

describe('RECOVERY_KEY_PREVIOUS', () => {
  it('is a list of keys', () => {
    const keys = [generateKey(), generateKey(48)];
    const { config } = loadConfig({ RECOVERY_KEY_PREVIOUS: keys.join(', ') });
    expect(config?.keys.previousRecoveryKeys.map((key) => key.toString('base64url'))).toEqual(keys);
  });

  it('refuses a list with one that is none, by its number', () => {
    const { problems } = loadConfig({ RECOVERY_KEY_PREVIOUS: `${generateKey()},short` });
    expect(problems).toEqual([
      expect.objectContaining({
        id: 'E010',
        setting: 'RECOVERY_KEY_PREVIOUS',
        message: expect.stringMatching(/^Entry 2/),
      }),
    ]);
  });
});
