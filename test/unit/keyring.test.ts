import { describe, expect, it } from '@jest/globals';
import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { hmac, Keyring, type KeyPurpose, UnknownKeyError } from '../../src/domain/crypto/keyring.js';

const KEY = Buffer.alloc(32, 7);
const NOT_AUTHENTIC = /unable to authenticate/;
const PURPOSES: KeyPurpose[] = ['key-id', 'pepper', 'copy', 'outbox', 'signing-key', 'refresh', 'limits', 'decoy'];

/** HKDF-SHA-256 (RFC 5869) of a key, as the design says. */
function hkdf(key: Buffer, purpose: string, salt = ''): Buffer {
  return Buffer.from(hkdfSync('sha256', key, Buffer.from(salt), `sparekey/${purpose}/v1`, 32));
}

describe('The keyring', () => {
  it('derives a sub-key of its own for each purpose, by HKDF-SHA-256 with info sparekey/<purpose>/v1', () => {
    const ring = new Keyring(KEY);
    const subkeys = PURPOSES.map((purpose) => ring.subkey(purpose).export());
    expect(subkeys).toEqual(PURPOSES.map((purpose) => hkdf(KEY, purpose)));
    expect(new Set(subkeys.map((subkey) => subkey.toString('hex'))).size).toBe(PURPOSES.length);
  });

  it('knows a key by an id that tells nothing of it, and each key by another', () => {
    expect(new Keyring(KEY).currentId).toBe(hkdf(KEY, 'key-id').subarray(0, 8).toString('hex'));
    expect(new Keyring(Buffer.alloc(32, 8)).currentId).not.toBe(new Keyring(KEY).currentId);
    expect(KEY.toString('hex')).not.toContain(new Keyring(KEY).currentId);
  });

  it('keeps former keys readable and makes new things under the current one', () => {
    const [first, second] = [randomBytes(32), randomBytes(32)];
    const old = new Keyring(first);
    const sealed = old.seal('outbox', 'a secret', { aad: 'message' });
    const now = new Keyring(second, [randomBytes(32), first]);
    expect(now.open('outbox', sealed, { aad: 'message' })).toBe('a secret');
    expect(now.subkey('pepper', old.currentId).export()).toEqual(old.subkey('pepper').export());
    expect(now.seal('outbox', 'a secret', { aad: 'message' }).keyId).toBe(now.currentId);
    expect([now.knows(old.currentId), now.knows(now.currentId), old.knows(now.currentId)]).toEqual([true, true, false]);
  });

  it('stays with the current key when that is listed among the former ones too', () => {
    const ring = new Keyring(KEY, [KEY]);
    expect(ring.currentId).toBe(new Keyring(KEY).currentId);
  });

  it('says which key is missing, and nothing of those it has', () => {
    const ring = new Keyring(KEY);
    const sealed = new Keyring(randomBytes(32)).seal('copy', 'x', { aad: 'a' });
    expect(() => ring.open('copy', sealed, { aad: 'a' })).toThrow(UnknownKeyError);
    expect(() => ring.subkey('pepper', sealed.keyId)).toThrow(
      `No RECOVERY_KEY or RECOVERY_KEY_PREVIOUS has the key id ${sealed.keyId}.`,
    );
  });

  it('seals the same text differently each time, with nothing of it to be seen', () => {
    const ring = new Keyring(KEY);
    const seals = Array.from({ length: 50 }, () => ring.seal('copy', 'plain text', { aad: 'a', context: 'c' }).bytes);
    expect(new Set(seals.map((bytes) => bytes.toString('hex'))).size).toBe(50);
    expect(new Set(seals.map((bytes) => bytes.subarray(0, 12).toString('hex'))).size).toBe(50);
    for (const bytes of seals) {
      expect(bytes).toHaveLength(12 + 'plain text'.length + 16);
      expect(bytes.includes('plain')).toBe(false);
    }
  });

  it('opens only what was sealed for this purpose, context and binding, and not changed in any bit', () => {
    const ring = new Keyring(KEY);
    const sealed = ring.seal('copy', 'plain text', { aad: 'session/batch', context: 'session/batch' });
    const { bytes } = sealed;
    expect(ring.open('copy', sealed, { aad: 'session/batch', context: 'session/batch' })).toBe('plain text');
    expect(() => ring.open('copy', sealed, { aad: 'other/batch', context: 'session/batch' })).toThrow(NOT_AUTHENTIC);
    expect(() => ring.open('copy', sealed, { aad: 'session/batch', context: 'other/batch' })).toThrow(NOT_AUTHENTIC);
    expect(() => ring.open('copy', sealed, { aad: 'session/batch' })).toThrow(NOT_AUTHENTIC);
    expect(() => ring.open('outbox', sealed, { aad: 'session/batch', context: 'session/batch' })).toThrow(
      NOT_AUTHENTIC,
    );
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      const open = () =>
        ring.open('copy', { ...sealed, bytes: changed }, { aad: 'session/batch', context: 'session/batch' });
      expect(open).toThrow(NOT_AUTHENTIC);
    }
    for (const length of [0, 11, 12, 27, bytes.length - 1]) {
      const cut = { ...sealed, bytes: bytes.subarray(0, length) };
      expect(() => ring.open('copy', cut, { aad: 'session/batch', context: 'session/batch' })).toThrow(/./);
    }
  });

  it('marks the same parts alike, and no two lists of parts alike', () => {
    const ring = new Keyring(KEY);
    const lists = [[], [''], ['', ''], ['ab'], ['a', 'b'], ['', 'ab'], ['ab', ''], ['a', '', 'b'], ['\0\0\0\x01a']];
    const marks = lists.map((parts) => ring.mark('limits', ...parts).toString('hex'));
    expect(new Set(marks).size).toBe(lists.length);
    expect(ring.mark('limits', 'a', 'b')).toEqual(new Keyring(KEY).mark('limits', 'a', 'b'));
    expect(ring.mark('limits', 'a')).not.toEqual(ring.mark('decoy', 'a'));
    expect(ring.mark('limits', 'a')).not.toEqual(new Keyring(randomBytes(32)).mark('limits', 'a'));
  });

  it('computes HMAC-SHA-256 over parts that each follow their length', () => {
    const expected = createHmac('sha256', hkdf(KEY, 'refresh'))
      .update(Buffer.from([0, 0, 0, 2]))
      .update('id')
      .update(Buffer.from([0, 0, 0, 3]))
      .update('öx')
      .digest();
    expect(hmac(new Keyring(KEY).subkey('refresh'), ['id', 'öx'])).toEqual(expected);
    expect(hmac(new Keyring(KEY).subkey('refresh'), ['id', Buffer.from('öx')])).toEqual(expected);
  });
});
