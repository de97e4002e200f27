import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { makeAccount, signIn, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { ADMIN_EMAIL, ADMIN_PASSWORD, type Answer, startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { answering, AUDIENCE, startIssuer, type TestIssuer } from '../support/issuer.js';
import { later, TOGETHER } from '../support/later-app.js';
import { tableChecksums } from '../support/table-checksums.js';

const FIELDS = 'id name issuer audience jwksUri acceptIdTokens keyCount keysFetchedAt lastError isEnabled';
const SAVE = `mutation($id: ID, $input: OidcClientInput!, $currentPassword: String) {
  saveOidcClient(id: $id, input: $input, currentPassword: $currentPassword) { ${FIELDS} } }`;
const DELETE = 'mutation($id: ID!) { deleteOidcClient(id: $id) { acknowledged } }';

let app: TestApp;
let admin: TestAccount;
let issuer: TestIssuer;

beforeAll(async () => {
  app = await startTestApp({ ...TOGETHER });
  admin = await signInAsAdmin(app);
  issuer = await startIssuer();
});
afterEach(async () => {
  issuer.misbehave = () => false;
  await app.database.rows('delete from oidc_clients');
});
afterAll(async () => {
  await issuer.close();
  await app.close();
});

const input = (more: Record<string, unknown> = {}) => ({
  name: 'Acme sign-in',
  issuer: issuer.url,
  audience: AUDIENCE,
  ...more,
});

const save = (variables: Record<string, unknown>, { token } = admin, on = app): Promise<Answer> =>
  on.post(SAVE, variables, { token });

async function saved(more: Record<string, unknown> = {}, id?: string): Promise<Record<string, any>> {
  const { data, errors } = await save({ id, input: input(more) });
  expect(errors).toEqual([]);
  return data['saveOidcClient'];
}

const listed = async () =>
  (await app.post(`{ oidcClients { ${FIELDS} } }`, {}, { token: admin.token })).data['oidcClients'];

describe('saveOidcClient', () => {
  it('saves an issuer by its discovery document, with the keys that it has', async () => {
    issuer.published.push(await issuer.newKey('RS256'));
    const client = await saved();
    expect(client).toEqual({
      id: expect.any(String),
      ...input(),
      jwksUri: issuer.jwksUri,
      acceptIdTokens: false,
      keyCount: 2,
      keysFetchedAt: expect.any(String),
      lastError: null,
      isEnabled: true,
    });
    expect(await listed()).toEqual([client]);
    issuer.published.pop();
  });

  it('saves one with the address of its keys, which alone is asked then', async () => {
    issuer.asked.length = 0;
    expect(await saved({ jwksUri: issuer.jwksUri, acceptIdTokens: true, isEnabled: false })).toMatchObject({
      jwksUri: issuer.jwksUri,
      acceptIdTokens: true,
      isEnabled: false,
      keyCount: 1,
    });
    expect(issuer.asked).toEqual(['/keys']);
  });

  it('saves one whose keys cannot be fetched, and says why', async () => {
    issuer.misbehave = answering('{}', {}, 500);
    expect(await saved()).toMatchObject({
      jwksUri: `${issuer.url}/.well-known/openid-configuration`,
      keyCount: 0,
      keysFetchedAt: null,
      lastError: expect.stringMatching(
        /^The issuer answered with an HTTP error\. The log has more under error [0-9a-f-]{36}\.$/,
      ),
    });
    const [{ lastError }] = await listed();
    const errorId = /[0-9a-f-]{36}/.exec(lastError)?.[0] as string;
    const line = app.log.find((text) => text.includes(errorId));
    expect(JSON.parse(line as string)).toMatchObject({ client: 'Acme sign-in', errorId, failure: 'HTTP_ERROR' });
  });

  it('changes one: what is absent is as in a new one, but that it stays disabled', async () => {
    const { id } = await saved({ acceptIdTokens: true, isEnabled: false });
    const change = { name: 'Another name', audience: 'https://other.example' };
    expect(await saved(change, id)).toMatchObject({ id, ...change, acceptIdTokens: false, isEnabled: false });
    expect(await saved({ isEnabled: null }, id)).toMatchObject({ id, isEnabled: false });
    expect(await saved({ isEnabled: true }, id)).toMatchObject({ id, isEnabled: true });
    expect(await listed()).toHaveLength(1);
  });

  it('is audited, and told to the admin address', async () => {
    const { id } = await saved({ name: 'Told of' });
    await app.post(DELETE, { id }, { token: admin.token });
    const events = await app.database.rows(
      `select action, reason, actor_id as by from audit_events
       where action like 'OIDC_CLIENT%' and reason like 'Told of%' order by id`,
    );
    const reason = `Told of: ${issuer.url}`;
    expect(events).toEqual([
      { action: 'OIDC_CLIENT_SAVED', reason, by: admin.id },
      { action: 'OIDC_CLIENT_DELETED', reason, by: admin.id },
    ]);
    const subjects = async () => {
      const mails = await app.mails(ADMIN_EMAIL);
      return mails.filter(({ text }) => text.includes('Told of')).map(({ subject }) => subject);
    };
    await eventually(async () => (await subjects()).length === 2);
    expect((await subjects()).toSorted()).toEqual([
      'A trusted issuer was deleted at Sparekey',
      'A trusted issuer was saved at Sparekey',
    ]);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['an empty name', { name: '' }, 'input.name'],
    ['a blank name', { name: ' \t ' }, 'input.name'],
    ['a name of two lines', { name: 'a\nb' }, 'input.name'],
    ['a name of 181 characters', { name: 'n'.repeat(181) }, 'input.name'],
    ['an issuer that is no address', { issuer: 'issuer.example' }, 'input.issuer'],
    ['an issuer by http', { issuer: 'http://issuer.example' }, 'input.issuer'],
    ['an issuer with a query', { issuer: 'https://issuer.example/?tenant=1' }, 'input.issuer'],
    ['an issuer with an empty query', { issuer: 'https://issuer.example/?' }, 'input.issuer'],
    ['an issuer with a fragment', { issuer: 'https://issuer.example/#x' }, 'input.issuer'],
    ['an issuer with credentials', { issuer: 'https://user:pass@issuer.example' }, 'input.issuer'],
    ['an issuer with a blank', { issuer: ' https://issuer.example' }, 'input.issuer'],
    ['an issuer of 256 characters', { issuer: `https://issuer.example/${'p'.repeat(233)}` }, 'input.issuer'],
    ['our own issuer', { issuer: TOGETHER.PUBLIC_URL }, 'input.issuer'],
    ['our own issuer with a slash', { issuer: `${TOGETHER.PUBLIC_URL}/` }, 'input.issuer'],
    ['our own issuer in capitals', { issuer: TOGETHER.PUBLIC_URL.toUpperCase() }, 'input.issuer'],
    ['an empty audience', { audience: '' }, 'input.audience'],
    ['an audience of 256 characters', { audience: 'a'.repeat(256) }, 'input.audience'],
    ['keys that are at no address', { jwksUri: '' }, 'input.jwksUri'],
    ['keys in a file', { jwksUri: 'file:///etc/passwd' }, 'input.jwksUri'],
    ['keys by http', { jwksUri: 'http://issuer.example/keys' }, 'input.jwksUri'],
    ['keys with credentials', { jwksUri: 'https://user:pass@issuer.example/keys' }, 'input.jwksUri'],
    ['keys with a fragment', { jwksUri: 'https://issuer.example/keys#x' }, 'input.jwksUri'],
  ])('refuses %s, and names it', async (_what, more, argument) => {
    const before = await tableChecksums(app.database);
    issuer.asked.length = 0;
    const { errors } = await save({ input: input(more) });
    expect(errors[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', argument });
    expect([await tableChecksums(app.database), issuer.asked]).toEqual([before, []]);
  });

  it('refuses a name or an issuer that is saved already, and names which', async () => {
    const [first, other] = [await saved(), await startIssuer()];
    const second = await saved({ name: 'Second', issuer: other.url });
    const refusal = async (variables: Record<string, unknown>) => (await save(variables)).errors[0]?.extensions;
    const before = await tableChecksums(app.database);
    const conflict = (argument: string) => ({ code: 'CONFLICT', argument });
    expect(await refusal({ input: input({ issuer: `${other.url}/x` }) })).toMatchObject(conflict('input.name'));
    expect(await refusal({ input: input({ name: 'Third' }) })).toMatchObject(conflict('input.issuer'));
    const { id } = second;
    expect(await refusal({ id, input: input({ issuer: other.url }) })).toMatchObject(conflict('input.name'));
    expect(await refusal({ id, input: input({ name: 'Second' }) })).toMatchObject(conflict('input.issuer'));
    expect(await tableChecksums(app.database)).toEqual(before);
    expect(await listed()).toEqual([first, second]);
    await other.close();
  });

  it('finds nothing under an id that is none, and asks nobody', async () => {
    issuer.asked.length = 0;
    for (const id of [randomUUID(), 'x', '']) {
      expect((await save({ id, input: input() })).code).toBe('NOT_FOUND');
      expect((await app.post(DELETE, { id }, { token: admin.token })).code).toBe('NOT_FOUND');
    }
    expect([await listed(), issuer.asked]).toEqual([[], []]);
  });

  it('needs a sign-in of late or the password, and counts a wrong one', async () => {
    const stale = await signIn(app, ADMIN_EMAIL, ADMIN_PASSWORD);
    await app.database.rows(`update sessions set authenticated_at = now() - interval '11 minutes' where id = $1`, [
      stale.sessionId,
    ]);
    expect((await save({ input: input() }, stale)).code).toBe('REAUTHENTICATION_REQUIRED');
    expect((await save({ input: input(), currentPassword: 'wrong' }, stale)).code).toBe('INVALID_CREDENTIALS');
    expect(await listed()).toEqual([]);
    const { errors } = await save({ input: input(), currentPassword: ADMIN_PASSWORD }, stale);
    expect(errors).toEqual([]);
  });

  it('takes no issuer of this machine unless it is told to', async () => {
    await later(
      app,
      0,
      async (production) => {
        const refusal = await save({ input: input() }, admin, production);
        expect(refusal.errors[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', argument: 'input.issuer' });
        const { data } = await save(
          { input: input({ issuer: 'https://127.0.0.1/', name: 'Here' }) },
          admin,
          production,
        );
        expect(data['saveOidcClient'].lastError).toMatch(/^The address is not on the public internet, or not https\./);
      },
      { OIDC_ALLOW_LOOPBACK: 'false' },
    );
  });
});

describe('a change', () => {
  const word = async (on: TestApp, token: string) => {
    const { code, data } = await on.post('{ me { origin } }', {}, { token });
    return code ?? data['me'].origin;
  };

  it('is known to another process at once', async () => {
    const other = await startTestApp({ ...app.settings }, { database: app.database });
    try {
      const token = await issuer.token();
      // Each has looked, and found nothing.
      for (const on of [app, other]) expect(await word(on, token)).toBe('UNAUTHENTICATED');
      const { id } = await saved();
      await soon(other, token, `issuer:${issuer.url}`);
      await saved({ isEnabled: false }, id);
      for (const on of [app, other]) expect(await word(on, token)).toBe('UNAUTHENTICATED');
      await saved({ isEnabled: true }, id);
      await soon(other, token, `issuer:${issuer.url}`);
      await saved({ audience: 'https://other.example' }, id);
      for (const on of [app, other]) expect(await word(on, token)).toBe('UNAUTHENTICATED');
      await saved({}, id);
      await soon(other, token, `issuer:${issuer.url}`);
      await app.post(DELETE, { id }, { token: admin.token });
      for (const on of [app, other]) expect(await word(on, token)).toBe('UNAUTHENTICATED');
    } finally {
      await other.close();
    }
  });

  /** What lets somebody in again is word of mouth; what keeps out is not. */
  async function soon(on: TestApp, token: string, expected: string): Promise<void> {
    const deadline = Date.now() + 5_000;
    while ((await word(on, token)) !== expected) if (Date.now() > deadline) throw new Error('It was not let in.');
  }

  it('leaves the accounts of a deleted issuer, which are let in again when it is saved again', async () => {
    const claims = { sub: randomUUID() };
    const { id } = await saved();
    const me = async () =>
      (await app.post('{ me { id } }', {}, { token: await issuer.token({ claims }) })).data?.['me'];
    const { id: accountId } = await me();
    await app.post(DELETE, { id }, { token: admin.token });
    await saved();
    expect(await me()).toEqual({ id: accountId });
  });
});

describe('who is no admin', () => {
  it('reads, saves and deletes none', async () => {
    const { id } = await saved();
    const [user, subject] = [(await makeAccount(app)).token, await issuer.token()];
    const before = await tableChecksums(app.database);
    for (const token of [user, subject]) {
      expect((await app.post(`{ oidcClients { id } }`, {}, { token })).code).toBe('FORBIDDEN');
      expect((await save({ id, input: input() }, { ...admin, token })).code).toBe('FORBIDDEN');
      expect((await app.post(DELETE, { id }, { token })).code).toBe('FORBIDDEN');
    }
    const after = await tableChecksums(app.database);
    // The subject was seen for the first time.
    for (const table of ['oidc_clients', 'outbox']) expect(after[table as never]).toEqual(before[table as never]);
  });
});
