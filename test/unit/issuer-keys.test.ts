import { beforeAll, describe, expect, it } from '@jest/globals';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { exportJWK, type JWK } from 'jose';
import { KeySet, usableKeys } from '../../src/domain/issuers/key-set.js';
import { type Algorithm, type IssuerKey, newIssuerKey } from '../support/issuer.js';

let keys: Readonly<Record<Algorithm, IssuerKey>>;
let weak: JWK;

beforeAll(async () => {
  keys = { RS256: await newIssuerKey('RS256'), ES256: await newIssuerKey('ES256'), EdDSA: await newIssuerKey('EdDSA') };
  weak = { ...generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }), kid: 'weak' };
});

const usable = async (...members: unknown[]) => await usableKeys({ keys: members });
const RSA = () => keys.RS256.jwk;
const EC = () => keys.ES256.jwk;

describe('the usable keys of a set', () => {
  it('are those of the three kinds, reduced to what is public and needed', async () => {
    const all = Object.values(keys).map(({ jwk }) => jwk);
    expect(await usable(...all)).toEqual(all);
    const adorned = { ...EC(), x5c: ['MIIB'], x5t: 'x', iss: 'https://issuer.example', key_ops: ['verify'] };
    expect(await usable(adorned)).toEqual([EC()]);
  });

  it('are what their kind says where they do not say more', async () => {
    for (const jwk of Object.values(keys).map((key) => key.jwk)) {
      const { alg: _alg, use: _use, kid: _kid, ...bare } = jwk;
      expect(await usable(bare)).toEqual([{ ...bare, alg: jwk.alg, use: 'sig' }]);
    }
  });

  it.each<[string, () => unknown]>([
    [
      'a symmetric key',
      () => ({ kty: 'oct', k: createHmac('sha256', 'k').digest('base64url'), kid: 'k', alg: 'HS256' }),
    ],
    ['a private key', async () => ({ ...(await exportJWK(keys.ES256.privateKey)), kid: 'p' })],
    ['a private RSA key', async () => ({ ...(await exportJWK(keys.RS256.privateKey)), kid: 'p' })],
    ['an RSA key under 2048 bits', () => weak],
    ['a key for encryption', () => ({ ...RSA(), use: 'enc' })],
    ['a key for wrapping', () => ({ ...RSA(), use: undefined, key_ops: ['wrapKey'] })],
    ['a key of another algorithm', () => ({ ...RSA(), alg: 'RS512' })],
    ['a key for RSA-PSS', () => ({ ...RSA(), alg: 'PS256' })],
    ['a key for HMAC by its name', () => ({ ...RSA(), alg: 'HS256' })],
    [
      'a key of another curve',
      async () => await exportJWK(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey),
    ],
    ['a key for agreement', () => ({ ...EC(), kty: 'OKP', crv: 'X25519' })],
    ['a point that is not on its curve', () => ({ ...EC(), y: EC().x })],
    ['a key without a part', () => ({ ...RSA(), e: undefined })],
    ['a part that is no text', () => ({ ...RSA(), n: 7 })],
    ['a part that is no base64url', () => ({ ...EC(), x: '%%%' })],
    ['an id that is no text', () => ({ ...EC(), kid: { toString: 'x' } })],
    ['an empty id', () => ({ ...EC(), kid: '' })],
    ['a very long id', () => ({ ...EC(), kid: 'k'.repeat(256) })],
    ['null', () => null],
    ['a text', () => 'key'],
    ['a list', () => [EC()]],
  ])('are without %s, and the others stay', async (_what, member) => {
    expect(await usable(await member(), RSA())).toEqual([RSA()]);
    expect(await usable(await member())).toEqual([]);
  });

  it.each([[{}], [{ keys: [] }], [{ keys: {} }], [{ keys: 'x' }], [[]], [null], ['<html>'], [7]])(
    'are none in %j',
    async (document) => expect(await usableKeys(document)).toEqual([]),
  );
});

describe('a set of keys', () => {
  const setOf = async (...of: IssuerKey[]) => new KeySet(await usable(...of.map(({ jwk }) => jwk)));

  it('knows a key by its id and algorithm', async () => {
    const set = await setOf(keys.RS256, keys.ES256);
    const { kid } = keys.ES256;
    expect(await set.find({ kid, alg: 'ES256' })).toMatchObject({ type: 'public', algorithm: { name: 'ECDSA' } });
    expect(await set.find({ kid, alg: 'RS256' })).toBe('unfit');
    expect(await set.find({ kid: 'other', alg: 'ES256' })).toBe('unknown');
    expect(await set.find({ kid: `${kid}' or true --`, alg: 'ES256' })).toBe('unknown');
    expect(await set.find({ kid: '__proto__', alg: 'ES256' })).toBe('unknown');
  });

  it('knows a key without an id only where it is the only one for the algorithm', async () => {
    const set = await setOf(keys.RS256, keys.ES256);
    expect(await set.find({ kid: undefined, alg: 'ES256' })).toMatchObject({ type: 'public' });
    expect(await set.find({ kid: undefined, alg: 'EdDSA' })).toBe('unknown');
    const two = await setOf(keys.ES256, await newIssuerKey('ES256'));
    expect(await two.find({ kid: undefined, alg: 'ES256' })).toBe('unfit');
  });

  it('keeps keys of one id apart by their algorithm', async () => {
    const [one, other] = [await newIssuerKey('ES256', 'same'), await newIssuerKey('EdDSA', 'same')];
    const set = await setOf(one, other);
    expect(await set.find({ kid: 'same', alg: 'EdDSA' })).toMatchObject({ algorithm: { name: 'Ed25519' } });
    expect(await set.find({ kid: 'same', alg: 'ES256' })).toMatchObject({ algorithm: { name: 'ECDSA' } });
  });

  it('makes a key ready once', async () => {
    const set = new KeySet(await usable(EC()));
    const wanted = { kid: EC().kid, alg: 'ES256' as const };
    expect(await set.find(wanted)).toBe(await set.find(wanted));
  });
});
