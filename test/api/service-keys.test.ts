import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash, randomUUID } from 'node:crypto';
import { makeAccount, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { ADMIN_EMAIL, ADMIN_PASSWORD, startTestApp, type TestApp } from '../support/app.js';
import { CREATE, makeHost, REVOKE } from '../support/hosts.js';
import { later, TOGETHER } from '../support/later-app.js';
import { mailbox } from '../support/mailbox.js';

const LIST = '{ serviceKeys { id name realm operations createdAt lastUsedAt expiresAt revokedAt } }';
const DAY_MS = 86_400_000;

let app: TestApp;
let admin: TestAccount;

beforeAll(async () => {
  app = await startTestApp(TOGETHER);
  admin = await signInAsAdmin(app);
});
afterAll(() => app.close());

const ask = (query: string, variables: Record<string, unknown> = {}, at: TestApp = app) =>
  at.post(query, variables, { token: admin.token });

async function created(input: Record<string, unknown>): Promise<Record<string, any>> {
  const { data, errors } = await ask(CREATE, { input });
  expect(errors).toEqual([]);
  return data['createServiceKey'];
}

async function keys(): Promise<any[]> {
  const { data, errors } = await ask(LIST);
  expect(errors).toEqual([]);
  return data['serviceKeys'];
}

const eventsOf = (keyId: string) =>
  app.database.rows(
    `select action, actor_id, account_id, method, reason from audit_events where service_key_id = $1 order by created_at`,
    [keyId],
  );

describe('a new service key', () => {
  it('has a secret of 256 random bits, told once and stored as its SHA-256', async () => {
    const { secret, serviceKey } = await created({ name: 'A shop' });
    expect(secret).toMatch(/^sk_[\w-]{43}$/);
    const [row] = await app.database.rows<Record<string, any>>('select * from service_keys where id = $1', [
      serviceKey.id,
    ]);
    expect(row?.['key_hash']).toEqual(createHash('sha256').update(secret).digest());
    expect(row?.['created_by']).toBe(admin.id);
    expect(JSON.stringify(await keys())).not.toContain(secret);
    expect((await created({ name: 'A shop' }))['secret']).not.toBe(secret);
  });

  it('may do all, for a realm of its own, for ever, where nothing else is said', async () => {
    for (const input of [{ name: 'One' }, { name: 'Two', realm: null, operations: null, expiresInDays: null }]) {
      const { serviceKey } = await created(input);
      expect(serviceKey).toEqual({
        id: expect.any(String),
        name: input.name,
        realm: expect.stringMatching(/^[a-z0-9-]{36}$/),
        operations: ['ISSUE', 'VERIFY', 'READ'],
        createdAt: expect.any(String),
        lastUsedAt: null,
        expiresAt: null,
        revokedAt: null,
      });
    }
    const realms = (await keys()).map(({ realm }) => realm);
    expect(new Set(realms).size).toBe(realms.length);
  });

  it('may do what is said, each once, in the realm that is said, for so many times 24 hours', async () => {
    const { serviceKey } = await created({
      name: 'Ümlaut & Söhne',
      realm: 'a-9',
      operations: ['READ', 'VERIFY', 'READ'],
      expiresInDays: 3,
    });
    expect(serviceKey).toMatchObject({ name: 'Ümlaut & Söhne', realm: 'a-9', operations: ['VERIFY', 'READ'] });
    expect(Date.parse(serviceKey.expiresAt) - Date.parse(serviceKey.createdAt)).toBe(3 * DAY_MS);
    const { serviceKey: another } = await created({ name: 'x'.repeat(100), realm: 'a-9', expiresInDays: 36_500 });
    expect(another.realm).toBe('a-9');
  });

  it.each<[string, string, Record<string, unknown>]>([
    ['no name', 'input.name', { name: '' }],
    ['a blank name', 'input.name', { name: ' \u00a0 ' }],
    ['a name of two lines', 'input.name', { name: 'A\nshop' }],
    ['a name that turns what follows', 'input.name', { name: 'A\u202eshop' }],
    ['a name of 101 characters', 'input.name', { name: 'x'.repeat(101) }],
    ['an empty realm', 'input.realm', { realm: '' }],
    ['a realm in capitals', 'input.realm', { realm: 'Shop' }],
    ['a realm with a blank', 'input.realm', { realm: 'a shop' }],
    ['a realm beyond ASCII', 'input.realm', { realm: 'caf\u00e9' }],
    ['a realm of 65 characters', 'input.realm', { realm: 'x'.repeat(65) }],
    ['a realm that looks like an origin', 'input.realm', { realm: 'service:shop' }],
    ['no operation', 'input.operations', { operations: [] }],
    ['0 days', 'input.expiresInDays', { expiresInDays: 0 }],
    ['-1 days', 'input.expiresInDays', { expiresInDays: -1 }],
    ['36501 days', 'input.expiresInDays', { expiresInDays: 36_501 }],
  ])('is not made with %s', async (_label, argument, wrong) => {
    const before = await keys();
    const { errors } = await ask(CREATE, { input: { name: 'A shop', ...wrong } });
    expect(errors[0]?.extensions).toEqual({ code: 'BAD_USER_INPUT', argument });
    expect(await keys()).toEqual(before);
  });

  it('is an event of the admin and a mail to ADMIN_EMAIL, without the secret', async () => {
    const name = `Shop ${randomUUID()}`;
    const { secret, serviceKey } = await created({ name, realm: 'told', operations: ['VERIFY'] });
    const event = { action: 'SERVICE_KEY_CREATED', actor_id: admin.id, account_id: null, method: 'PASSWORD' };
    expect(await eventsOf(serviceKey.id)).toEqual([{ ...event, reason: `told: ${name}` }]);
    const mail = (await mailbox(app, ADMIN_EMAIL)).find(({ text }) => text.includes(name));
    expect(mail?.subject).toMatch(/service key was created/);
    expect(mail?.text).toContain(`${name} (realm told: VERIFY)`);
    expect(mail?.text).not.toContain(secret);
  });
});

describe('creating one', () => {
  it('asks who is there once more, a while after the sign-in', async () => {
    await later(app, 660, async (then) => {
      const { token } = admin;
      const create = (currentPassword?: string) =>
        then.post(CREATE, { input: { name: 'Later' }, currentPassword }, { token });
      expect((await create()).code).toBe('REAUTHENTICATION_REQUIRED');
      expect((await create('not the password')).code).toBe('INVALID_CREDENTIALS');
      expect((await keys()).filter(({ name }) => name === 'Later')).toEqual([]);
      expect((await create(ADMIN_PASSWORD)).errors).toEqual([]);
      expect((await keys()).filter(({ name }) => name === 'Later')).toHaveLength(1);
    });
  });

  it('looks at the arguments first, and at who asks before that', async () => {
    await later(app, 660, async (then) => {
      const input = { name: '' };
      expect((await then.post(CREATE, { input }, { token: admin.token })).code).toBe('BAD_USER_INPUT');
      const { token } = await makeAccount(then);
      expect((await then.post(CREATE, { input }, { token })).code).toBe('FORBIDDEN');
    });
  });

  it('is not for a session that has just ended, whatever this process knew of it', async () => {
    const { token, sessionId } = await signInAsAdmin(app);
    // Known from here on for some seconds.
    expect((await app.post(LIST, {}, { token })).errors).toEqual([]);
    await app.database.rows('update sessions set revoked_at = now() where id = $1', [sessionId]);
    const { code } = await app.post(CREATE, { input: { name: 'Too late' } }, { token });
    expect(code).toBe('UNAUTHENTICATED');
    expect((await keys()).filter(({ name }) => name === 'Too late')).toEqual([]);
  });
});

describe('revoking one', () => {
  it('is told once, with an event and a mail; a repeat changes nothing', async () => {
    const { keyId } = await makeHost(app, admin, { name: 'Gone', realm: 'gone' });
    const first = await ask(REVOKE, { id: keyId });
    expect(first.data['revokeServiceKey']).toMatchObject({ id: keyId, revokedAt: expect.any(String) });
    const again = await ask(REVOKE, { id: keyId });
    expect(again.data).toEqual(first.data);
    const event = { actor_id: admin.id, account_id: null, method: 'PASSWORD', reason: 'gone: Gone' };
    expect(await eventsOf(keyId)).toEqual([
      { ...event, action: 'SERVICE_KEY_CREATED' },
      { ...event, action: 'SERVICE_KEY_REVOKED' },
    ]);
    const mails = (await mailbox(app, ADMIN_EMAIL)).filter(({ text }) => text.includes('Gone (realm gone'));
    expect(mails.map(({ subject }) => subject.includes('revoked'))).toEqual([false, true]);
  });

  it('is one event, though five ask at once', async () => {
    const { keyId } = await makeHost(app, admin);
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(REVOKE, { id: keyId })));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await eventsOf(keyId)).toHaveLength(2);
  });

  it('finds no key that is none', async () => {
    for (const id of [randomUUID(), 'nonsense', admin.id]) expect((await ask(REVOKE, { id })).code).toBe('NOT_FOUND');
  });
});

describe('the list of them', () => {
  it('has all that there ever were, newest first, and no secret', async () => {
    const made = [
      await makeHost(app, admin),
      await makeHost(app, admin, { expiresInDays: 1 }),
      await makeHost(app, admin),
    ];
    await ask(REVOKE, { id: made[0]?.keyId });
    const listed = await keys();
    const ids = new Set(made.map(({ keyId }) => keyId));
    const mine = listed.filter(({ id }) => ids.has(id));
    expect(mine.map(({ id }) => id)).toEqual([...ids].toReversed());
    expect(mine.map(({ revokedAt }) => revokedAt !== null)).toEqual([false, false, true]);
    expect(JSON.stringify(listed)).not.toMatch(/sk_|hash/i);
    await later(app, 2 * 86_400, async (then) => {
      const asked = await signInAsAdmin(then);
      const { data } = await then.post(LIST, {}, { token: asked.token });
      expect(data['serviceKeys']).toEqual(listed);
    });
  });
});
