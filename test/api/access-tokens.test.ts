import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  type JWK,
  jwtVerify,
  SignJWT,
  UnsecuredJWT,
} from 'jose';
import { makeAccount, type TestAccount } from '../support/accounts.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { later, TOGETHER } from '../support/later-app.js';

const ISSUER = TOGETHER.PUBLIC_URL;

let app: TestApp;
let me: TestAccount;

beforeAll(async () => {
  app = await startTestApp(TOGETHER);
  me = await makeAccount(app);
});
afterAll(async () => {
  await app.close();
});

const jwksUrl = () => new URL(`${app.url}/.well-known/jwks.json`);

async function codeFor(token: string, on = app): Promise<string> {
  const answer = await on.post('{ me { id } }', {}, { token });
  return answer.code ?? answer.data['me'].id;
}

describe('an access token', () => {
  it('is a signed JWT that names issuer, audience, account and session, and nothing else', () => {
    expect(decodeProtectedHeader(me.token)).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: expect.any(String) });
    const claims = decodeJwt(me.token);
    expect(claims).toEqual({
      iss: ISSUER,
      aud: ISSUER,
      sub: me.id,
      sid: me.sessionId,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      iat: expect.any(Number),
      exp: (claims.iat as number) + 900,
    });
  });

  it('has an id of its own each time', async () => {
    const other = await makeAccount(app);
    expect(decodeJwt(other.token).jti).not.toBe(decodeJwt(me.token).jti);
  });

  it('is proven by anybody with the published keys', async () => {
    const { payload, protectedHeader } = await jwtVerify(me.token, createRemoteJWKSet(jwksUrl()), {
      issuer: ISSUER,
      audience: ISSUER,
      typ: 'at+jwt',
      algorithms: ['EdDSA'],
    });
    expect(payload.sub).toBe(me.id);
    const document = (await (await fetch(jwksUrl())).json()) as { keys: JWK[] };
    expect(document.keys).toEqual([
      { kty: 'OKP', crv: 'Ed25519', x: expect.any(String), kid: protectedHeader.kid, alg: 'EdDSA', use: 'sig' },
    ]);
  });

  it('is taken by every process with the same database and public URL', async () => {
    await later(app, 0, async (second) => expect(await codeFor(me.token, second)).toBe(me.id));
  });

  it('is refused by a server with another public URL', async () => {
    await later(app, 0, async (other) => expect(await codeFor(me.token, other)).toBe('UNAUTHENTICATED'), {
      PUBLIC_URL: 'http://localhost:4001',
    });
  });

  it('does not survive its account', async () => {
    const gone = await makeAccount(app);
    await app.database.rows('delete from accounts where id = $1', [gone.id]);
    expect(await codeFor(gone.token)).toBe('UNAUTHENTICATED');
  });
});

describe('a token that is not quite ours', () => {
  interface Forgery {
    readonly header?: Record<string, unknown>;
    readonly claims?: Record<string, unknown>;
    readonly expiresIn?: number;
  }

  /** Signed by the very key of the server, so that only what is said differs. */
  async function forged({ header = {}, claims = {}, expiresIn = 900 }: Forgery): Promise<string> {
    const { kid, privateKey } = await app.app.services.signingKeys.current();
    const now = Math.floor(Date.now() / 1000);
    const payload = { iss: ISSUER, aud: ISSUER, sub: me.id, sid: me.sessionId, jti: randomUUID(), iat: now };
    return await new SignJWT({ ...payload, exp: now + expiresIn, ...claims })
      .setProtectedHeader({ alg: 'EdDSA', kid, typ: 'at+jwt', ...header })
      .sign(privateKey);
  }

  it('is taken only if all of it is right', async () => {
    expect(await codeFor(await forged({}))).toBe(me.id);
  });

  const other = randomUUID();
  const forgeries: [string, Forgery][] = [
    ['of type JWT', { header: { typ: 'JWT' } }],
    ['without a type', { header: { typ: undefined } }],
    ['without a key id', { header: { kid: undefined } }],
    ['of an unknown key', { header: { kid: 'unknown' } }],
    ['of another issuer', { claims: { iss: 'http://localhost:4001' } }],
    ['of another audience', { claims: { aud: 'http://localhost:4001' } }],
    ['without an audience', { claims: { aud: undefined } }],
    ['without a session', { claims: { sid: undefined } }],
    ['without an id', { claims: { jti: undefined } }],
    ['without an end', { claims: { exp: undefined } }],
    ['that has expired', { expiresIn: -1 }],
    ['that begins later', { claims: { nbf: Math.floor(Date.now() / 1000) + 600 } }],
    ['of a session of somebody else', { claims: { sub: other } }],
    ['of an unknown session', { claims: { sid: other } }],
    ['whose session is no id', { claims: { sid: "' or true --" } }],
    ['whose session is no text', { claims: { sid: { id: 1 } } }],
  ];

  it.each(forgeries)('is refused: one %s', async (_what, forgery) => {
    expect(await codeFor(await forged(forgery))).toBe('UNAUTHENTICATED');
  });

  it('is refused: unsigned, signed by another key, by HMAC under the public key, changed, or no token', async () => {
    const { kid } = decodeProtectedHeader(me.token);
    const claims = decodeJwt(me.token);
    const stranger = await generateKeyPair('EdDSA');
    const header = { alg: 'EdDSA', kid: kid as string, typ: 'at+jwt' };
    const [head, body, signature] = me.token.split('.') as [string, string, string];
    const { keys } = (await (await fetch(jwksUrl())).json()) as { keys: JWK[] };
    const publicKey = Buffer.from(keys[0]?.x as string, 'base64url');
    const admin = Buffer.from(JSON.stringify({ ...claims, role: 'ADMIN' })).toString('base64url');
    const tokens = [
      new UnsecuredJWT(claims).encode(),
      `${Buffer.from(JSON.stringify({ ...header, alg: 'none' })).toString('base64url')}.${body}.`,
      await new SignJWT(claims).setProtectedHeader(header).sign(stranger.privateKey),
      await new SignJWT(claims).setProtectedHeader({ ...header, alg: 'HS256' }).sign(Uint8Array.from(publicKey)),
      await new SignJWT(claims)
        .setProtectedHeader({ ...header, jwk: await exportJWK(stranger.publicKey) })
        .sign(stranger.privateKey),
      `${head}.${admin}.${signature}`,
      `${head}.${body}.`,
      `${head}.${body}`,
      'nonsense',
      `${me.refreshToken}`,
      `sk_${me.refreshToken}`,
    ];
    const codes = await Promise.all(tokens.map((token) => codeFor(token)));
    expect(codes).toEqual(tokens.map(() => 'UNAUTHENTICATED'));
  });

  it.each(['Bearer', 'Bearer ', 'Basic YTpi', 'Bearer a b'])(
    'is refused, not taken for an anonymous request: Authorization %j',
    async (authorization) => {
      const answer = await app.post('{ me { id } }', {}, { headers: { authorization } });
      expect(answer.code).toBe('UNAUTHENTICATED');
    },
  );
});

describe('the published keys', () => {
  it('prove a token without the server, and hold no private half', async () => {
    const response = await fetch(jwksUrl());
    expect(response.headers.get('cache-control')).toBe('public, max-age=300');
    const document = (await response.json()) as { keys: JWK[] };
    for (const key of document.keys) expect(Object.keys(key)).not.toContain('d');
    const { payload } = await jwtVerify(me.token, createLocalJWKSet(document));
    expect(payload['sid']).toBe(me.sessionId);
  });
});
