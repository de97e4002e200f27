import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { buildSparekeySchema } from '../../src/resolvers/schema.js';
import { operationAnswer } from '../support/access-table.js';
import { makeAccount, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { endedToken, makeScene, RIGHT_ARGUMENTS, type Scene } from '../support/scene.js';
import { documentOf, type Field, operations } from '../support/schema-walk.js';
import { tableChecksums } from '../support/table-checksums.js';

const fields = operations(await buildSparekeySchema());

let app: TestApp;
let foreign: TestApp;
let scene: Scene;
let tokens: Readonly<Record<string, string>>;

beforeAll(async () => {
  app = await startTestApp({ MAX_ATTEMPTS: '1000' });
  foreign = await startTestApp();
  scene = await makeScene(app, await signInAsAdmin(app));
  tokens = await badTokens(scene.owner);
});
afterAll(async () => {
  await app.close();
  await foreign.close();
});

interface Header {
  readonly alg: string;
  readonly kid?: string;
  readonly typ?: string;
}

/** A right token of the owner's, but for what is given. */
async function tokenWith(
  owner: TestAccount,
  { header = {}, claims = {} }: { header?: Partial<Header>; claims?: JWTPayload },
) {
  const { kid, privateKey } = await app.app.services.signingKeys.current();
  return await new SignJWT(claimsOf(owner, claims))
    .setProtectedHeader({ alg: 'EdDSA', kid, typ: 'at+jwt', ...header })
    .sign(privateKey);
}

function claimsOf({ id, sessionId }: TestAccount, claims: JWTPayload): JWTPayload {
  const now = Math.floor(Date.now() / 1000);
  const { url } = app;
  const right = { iss: url, aud: url, sub: id, sid: sessionId, jti: randomUUID(), iat: now, exp: now + 300 };
  return JSON.parse(JSON.stringify({ ...right, ...claims })) as JWTPayload;
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

async function badTokens(owner: TestAccount): Promise<Record<string, string>> {
  const now = Math.floor(Date.now() / 1000);
  const { kid } = await app.app.services.signingKeys.current();
  const [head = '', payload = '', signature = ''] = owner.token.split('.');
  const stranger = await makeAccount(app);
  const otherKey = (await generateKeyPair('EdDSA')).privateKey;
  const claims = claimsOf(owner, {});
  const { keys } = await app.app.services.signingKeys.jwks();
  const publicKey = Buffer.from(JSON.stringify(keys[0]));
  const jwk = await exportJWK((await generateKeyPair('EdDSA', { extractable: true })).publicKey);
  return {
    'of a session that was signed out': await endedToken(app),
    'of a session that has expired': await tokenOf(`update sessions set expires_at = now() where id = $1`),
    'of a session that is gone': await tokenOf('delete from sessions where id = $1'),
    'of an account that is gone': await tokenOf(
      'delete from accounts where id = (select account_id from sessions where id = $1)',
    ),
    'of another server': (await makeAccount(foreign)).token,
    'of another key under our key id': await new SignJWT(claims)
      .setProtectedHeader({ alg: 'EdDSA', kid, typ: 'at+jwt' })
      .sign(otherKey),
    'of a key that it brings with it': await new SignJWT(claims)
      .setProtectedHeader({ alg: 'EdDSA', kid, typ: 'at+jwt', jwk })
      .sign(otherKey),
    'signed with our public key': await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid, typ: 'at+jwt' })
      .sign(publicKey),
    'of an unknown key id': await tokenWith(owner, { header: { kid: 'unknown' } }),
    'without signature, alg none': `${part({ alg: 'none', typ: 'at+jwt' })}.${payload}.`,
    'without signature, alg none, our key id': `${part({ alg: 'none', typ: 'at+jwt', kid })}.${payload}.`,
    'without its signature': `${head}.${payload}.`,
    'with another payload': `${head}.${part({ ...claims, sub: stranger.id })}.${signature}`,
    expired: await tokenWith(owner, { claims: { iat: now - 1000, exp: now - 1 } }),
    'not valid yet': await tokenWith(owner, { claims: { nbf: now + 300 } }),
    'that never expires': await tokenWith(owner, { claims: { exp: undefined } }),
    'of another type': await tokenWith(owner, { header: { typ: 'JWT' } }),
    'of another issuer': await tokenWith(owner, { claims: { iss: 'https://example.org' } }),
    'for another audience': await tokenWith(owner, { claims: { aud: 'https://example.org' } }),
    "of another account's session": await tokenWith(owner, { claims: { sub: stranger.id } }),
    'without session': await tokenWith(owner, { claims: { sid: undefined } }),
    'of a session that is no id': await tokenWith(owner, { claims: { sid: `${owner.sessionId}'` } }),
    'that is a refresh token': owner.refreshToken,
    'that is no token': 'zQ7mXk2v',
    'that is very long': 'zQ7mXk2v'.repeat(1000),
    'that is dots': '..',
  };
}

/** The token of a new account, after its session met this statement. */
async function tokenOf(fate: string): Promise<string> {
  const account = await makeAccount(app);
  await app.database.rows(fate, [account.sessionId]);
  return account.token;
}

describe('a token that is none', () => {
  const guarded = [...fields.keys()].filter((name) => operationAnswer(name, 'rejected') === 'UNAUTHENTICATED');
  const open = [...fields.keys()].filter((name) => operationAnswer(name, 'rejected') === 'answer');

  it('would be one, but for what is wrong with it', async () => {
    const { data } = await app.post('{ me { id } }', {}, { token: await tokenWith(scene.owner, {}) });
    expect(data['me'].id).toBe(scene.owner.id);
  });

  it.each(guarded)('is UNAUTHENTICATED to %s, whatever is wrong with it, and changes nothing', async (name) => {
    const field = fields.get(name) as Field;
    const variables = await (RIGHT_ARGUMENTS[name] as (scene: Scene) => Promise<object>)(scene);
    const before = await tableChecksums(app.database);
    for (const [label, token] of Object.entries(tokens)) {
      const { code, text, errors } = await app.post(documentOf(name, field), { ...variables }, { token });
      expect([label, code, errors.length]).toEqual([label, 'UNAUTHENTICATED', 1]);
      expect(text).not.toContain(token);
    }
    expect(await tableChecksums(app.database)).toEqual(before);
    expect(app.log.join('')).not.toContain('zQ7mXk2v');
  });

  /** What is answered by the right of a mailed token says little of the account. */
  const HELD: Readonly<Record<string, string>> = { 'Mutation.confirmEmailChange': '{ id email }' };

  it.each(open)('does not matter to %s', async (name) => {
    const field = fields.get(name) as Field;
    // Of an account of its own: some of them change it.
    const own = await makeScene(app, await signInAsAdmin(app));
    const variables = await (RIGHT_ARGUMENTS[name] as (scene: Scene) => Promise<object>)(own);
    const document = documentOf(name, field, HELD[name]);
    const { errors } = await app.post(document, { ...variables }, { token: tokens['expired'] });
    expect(errors).toEqual([]);
  });

  it.each([
    ['of another scheme', (token: string) => `Basic ${token}`],
    ['without scheme', (token: string) => token],
    ['empty', () => ''],
    ['of a scheme alone', () => 'Bearer'],
    ['of two tokens', (token: string) => `Bearer ${token} ${token}`],
  ])('is an authorization header %s', async (_label, header) => {
    const authorization = header(scene.owner.token);
    const { code } = await app.post('{ me { id } }', {}, { headers: { authorization } });
    expect(code).toBe('UNAUTHENTICATED');
  });
});
