import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { makeAccount, signIn, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { ADMIN_EMAIL, ADMIN_PASSWORD, startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { later, TOGETHER } from '../support/later-app.js';
import { databasePlaces, filePlaces, type Place, SecretScan } from '../support/secret-scan.js';
import { connectWs, endSockets } from '../support/ws-client.js';

const KEYS = '{ signingKeys { kid algorithm isCurrent createdAt expiresAt } }';
const ROTATE = `mutation($revoke: Boolean, $password: String) {
  rotateSigningKey(revokePrevious: $revoke, currentPassword: $password) { kid algorithm isCurrent createdAt expiresAt }
}`;

let app: TestApp;
let admin: TestAccount;
let me: TestAccount;
const answers: Place[] = [];

beforeAll(async () => {
  app = await startTestApp({ ...TOGETHER, LOG_LEVEL: 'trace' });
  admin = await signInAsAdmin(app);
  me = await makeAccount(app);
});
afterEach(endSockets);
afterAll(() => app.close());

async function call(query: string, variables: Record<string, unknown> = {}, { on = app, token = admin.token } = {}) {
  const answer = await on.post(query, variables, { token });
  answers.push({ name: 'an answer', text: answer.text });
  return answer;
}

async function refreshed(account: TestAccount, on = app): Promise<TestAccount> {
  const { data } = await on.post(
    'mutation($t: String) { refreshSession(refreshToken: $t) { accessToken refreshToken } }',
    {
      t: account.refreshToken,
    },
  );
  const { accessToken: token, refreshToken } = data['refreshSession'];
  return { ...account, token, refreshToken };
}

const kidOf = (token: string) => decodeProtectedHeader(token).kid;
const isIn = async ({ token }: TestAccount, on = app) => (await call('{ me { id } }', {}, { on, token })).code ?? 'in';

async function published() {
  const response = await fetch(`${app.url}/.well-known/jwks.json`);
  const document = (await response.json()) as JSONWebKeySet;
  answers.push({ name: 'the document', text: JSON.stringify(document) });
  return { document, cacheControl: response.headers.get('cache-control') };
}

describe('signingKeys and rotateSigningKey', () => {
  it('show and change what tokens are signed with, and refuse no token that is valid', async () => {
    const [before] = (await call(KEYS)).data['signingKeys'];
    expect(before).toMatchObject({ kid: kidOf(me.token), algorithm: 'EdDSA', isCurrent: true, expiresAt: null });
    const made = (await call(ROTATE)).data['rotateSigningKey'];
    expect(made).toMatchObject({ algorithm: 'EdDSA', isCurrent: true, expiresAt: null });
    const [first, second] = (await call(KEYS)).data['signingKeys'];
    expect(first).toEqual(made);
    expect(second).toMatchObject({ kid: before.kid, isCurrent: false });
    expect(Date.parse(second.expiresAt) - Date.parse(made.createdAt)).toBe(172_800_000);
    expect(await isIn(me)).toBe('in');
    const fresh = await signIn(app, ADMIN_EMAIL, ADMIN_PASSWORD);
    expect(kidOf(fresh.token)).toBe(made.kid);
    const { document, cacheControl } = await published();
    expect(document.keys.map(({ kid }) => kid)).toEqual([made.kid, before.kid]);
    expect(cacheControl).toBe('public, max-age=300');
    for (const { token } of [me, fresh]) {
      expect((await jwtVerify(token, createLocalJWKSet(document))).payload.iss).toBe(TOGETHER.PUBLIC_URL);
    }
  });

  it('revokes all previous keys: their tokens, their sockets, and nothing that can be had again', async () => {
    const socket = await connectWs(app.url, me.token);
    const other = await makeAccount(app);
    const fresh = await connectWs(app.url, (await refreshed(other)).token);
    await call(ROTATE);
    await fresh.silence(50);
    const { kid } = (await call(ROTATE, { revoke: true })).data['rotateSigningKey'];
    expect([await isIn(me), await isIn(admin)]).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED']);
    expect((await published()).document.keys.map((key) => key.kid)).toEqual([kid]);
    expect((await socket.closed()).code).toBe(4403);
    expect((await fresh.closed()).code).toBe(4403);
    [me, admin] = [await refreshed(me), await refreshed(admin)];
    expect([await isIn(me), await isIn(admin)]).toEqual(['in', 'in']);
    const again = await connectWs(app.url, me.token);
    await again.silence(50);
  });

  it('ask for the password where signing in was long ago, and count a wrong one', async () => {
    await later(app, 700, async (on) => {
      expect((await call(ROTATE, {}, { on })).code).toBe('REAUTHENTICATION_REQUIRED');
      expect((await call(ROTATE, { password: 'wrong, and quite long' }, { on })).code).toBe('INVALID_CREDENTIALS');
      expect((await call(ROTATE, { password: ADMIN_PASSWORD }, { on })).data['rotateSigningKey'].isCurrent).toBe(true);
    });
  });

  it('tell ADMIN_EMAIL what was done, by whom, from where, and what to do about it', async () => {
    const count = (await app.mails(ADMIN_EMAIL, 0)).length;
    const { kid } = (await call(ROTATE)).data['rotateSigningKey'];
    const mails = await app.mails(ADMIN_EMAIL, count + 1);
    const mail = mails.find(({ text }) => text.replaceAll(/\s+/g, '').includes(kid));
    expect(mail?.subject).toBe('The signing key was rotated at Sparekey');
    const text = mail?.text.replaceAll(/\s+/g, ' ');
    expect(text).toContain(`Rotation: by hand; the new key is ${kid}`);
    expect(text).toContain(`By: ${ADMIN_EMAIL}`);
    expect(text).toContain('Network address: 127.0.0.1');
    expect(text).toMatch(/If you did not expect this, .*Rotate the key yourself and revoke the previous ones/);
  });
});

describe('the daily job', () => {
  it('rotates a key that is old, by itself, and leaves it at that', async () => {
    const job = async () =>
      await app.database.rows<{ next: Date }>(`select next_run_at as next from agenda_jobs where name = 'rotate-keys'`);
    await eventually(async () => ((await job())[0]?.next.getTime() ?? 0) > Date.now() + 23 * 3_600_000);
    expect(await job()).toHaveLength(1);
    const [before] = (await call(KEYS)).data['signingKeys'];
    await app.database.rows(`update signing_keys set created_at = now() - interval '91 days' where is_current`);
    const due = () => app.database.rows(`update agenda_jobs set next_run_at = now() where name = 'rotate-keys'`);
    await due();
    const current = async () => (await call(KEYS)).data['signingKeys'][0].kid;
    await eventually(async () => (await current()) !== before.kid);
    const rotated = await current();
    await eventually(async () => ((await job())[0]?.next.getTime() ?? 0) > Date.now() + 23 * 3_600_000);
    await due();
    await eventually(async () => ((await job())[0]?.next.getTime() ?? 0) > Date.now() + 23 * 3_600_000);
    expect(await current()).toBe(rotated);
    const events = await app.database.rows(
      `select reason from audit_events where action = 'KEY_ROTATED' and actor_id is null`,
    );
    expect(events).toEqual([{ reason: `as scheduled; the new key is ${rotated}` }]);
    expect(await isIn(me)).toBe('in');
  });
});

describe('private halves', () => {
  it('are in no answer, no log, no mail, and in the database sealed only', async () => {
    const { keyring } = app.app.stores;
    const rows = await app.database.rows<{ kid: string; key_id: string; sealed_private_jwk: Buffer }>(
      'select * from signing_keys',
    );
    expect(rows.length).toBeGreaterThan(3);
    const scan = new SecretScan();
    for (const { kid, key_id: keyId, sealed_private_jwk: bytes } of rows) {
      const { d } = JSON.parse(keyring.open('signing-key', { keyId, bytes }, { aad: kid })) as { d: string };
      scan.add('a private half', d);
      scan.add('its bytes', Buffer.from(d, 'base64url').toString('hex'));
      scan.add('its characters', Buffer.from(d, 'base64url').toString('latin1'));
    }
    const log = app.log.map((text) => ({ name: 'the log', text }));
    const mails = await filePlaces(`${app.settings['DATA_DIR']}/mail`);
    expect(mails.length).toBeGreaterThan(3);
    expect(scan.finds([...answers, ...log, ...mails, ...(await databasePlaces(app.database))])).toEqual([]);
  });
});
