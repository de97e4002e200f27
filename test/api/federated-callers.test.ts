import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { buildSparekeySchema } from '../../src/resolvers/schema.js';
import { operationAnswer } from '../support/access-table.js';
import { PASSWORD, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { type Answer, startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { AUDIENCE, startIssuer, type TestIssuer } from '../support/issuer.js';
import { makeScene, RIGHT_ARGUMENTS, type Scene } from '../support/scene.js';
import { documentOf, type Field, operations } from '../support/schema-walk.js';
import { connectWs, endSockets, openWs } from '../support/ws-client.js';

const fields = operations(await buildSparekeySchema());

/** Where what is given proves who it is, or asks for a password or an address, which such an account has not. */
const OF_LOCAL_ACCOUNTS = new Set(
  `register resendEmailVerification signIn signInWithRecoveryCode refreshSession verifyEmail requestPasswordReset
  resetPassword changePassword requestEmailChange confirmEmailChange cancelEmailChange deleteMyAccount
  emailRecoveryCodes`
    .split(/\s+/)
    .map((name) => `Mutation.${name}`),
);
const names = [...fields.keys()].filter((name) => !OF_LOCAL_ACCOUNTS.has(name));

const BATCHES = 'subscription { recoveryCodesChanged { id remainingCount } }';

let app: TestApp;
let admin: TestAccount;
let issuer: TestIssuer;
let clientId: string;

beforeAll(async () => {
  app = await startTestApp({ MAX_ATTEMPTS: '1000', MAX_SOCKETS_PER_ACCOUNT: '1000' });
  admin = await signInAsAdmin(app);
  issuer = await startIssuer();
  clientId = await trust();
});
afterEach(endSockets);
afterAll(async () => {
  await issuer.close();
  await app.close();
});

async function trust(more: Record<string, unknown> = {}): Promise<string> {
  const input = { name: 'Acme', issuer: issuer.url, audience: AUDIENCE, ...more };
  const query = 'mutation($id: ID, $input: OidcClientInput!) { saveOidcClient(id: $id, input: $input) { id } }';
  const { data, errors } = await app.post(query, { id: clientId, input }, { token: admin.token });
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return data['saveOidcClient'].id;
}

const now = () => Math.floor(Date.now() / 1_000);

/** Somebody whom the issuer signs in, as tests know any account. */
async function makeSubject(claims: Record<string, unknown> = {}): Promise<TestAccount> {
  const token = await issuer.token({ claims: { sub: randomUUID(), sid: randomUUID(), ...claims } });
  const { data, errors } = await app.post('{ me { id sessions { id isCurrent } } }', {}, { token });
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  const { id, sessions } = data['me'];
  const current = sessions.find((session: { isCurrent: boolean }) => session.isCurrent);
  return { id, email: '', token, refreshToken: '', sessionId: current.id };
}

const word = ({ code, data }: Answer) => code ?? (data['me'] === null ? 'nobody' : 'let in');
const asked = async (token: string) => word(await app.post('{ me { id } }', {}, { token }));

describe('a subject of a trusted issuer', () => {
  it('is an account without an address, in one session of its own', async () => {
    const sub = randomUUID();
    const { token, id } = await makeSubject({ sub, email: 'ada@example.org', name: 'Ada' });
    const query =
      '{ me { id email externalId origin role emailVerifiedAt lastSignedInAt sessions { method isCurrent } } }';
    const { data } = await app.post(query, {}, { token });
    expect(data['me']).toEqual({
      id,
      email: null,
      externalId: sub,
      origin: `issuer:${issuer.url}`,
      role: 'USER',
      emailVerifiedAt: null,
      lastSignedInAt: expect.any(String),
      sessions: [{ method: 'FEDERATED', isCurrent: true }],
    });
  });

  it('issues, verifies and exports codes, and has no address to which they could be mailed', async () => {
    const { token } = await makeSubject();
    const issued = await app.post(
      'mutation { generateRecoveryCodes { batch { id } codes { code } copyAvailableUntil } }',
      {},
      { token },
    );
    expect(issued.errors).toEqual([]);
    const { batch, codes, copyAvailableUntil } = issued.data['generateRecoveryCodes'];
    expect([codes.length, copyAvailableUntil]).toEqual([10, expect.any(String)]);
    const verified = await app.post(
      'mutation($code: String!) { verifyRecoveryCode(code: $code) { outcome batch { remainingCount } } }',
      { code: codes[0].code },
      { token },
    );
    expect(verified.data['verifyRecoveryCode']).toEqual({ outcome: 'ACCEPTED', batch: { remainingCount: 9 } });
    const variables = { id: batch.id };
    const mailed = await app.post('mutation($id: ID!) { emailRecoveryCodes(batchId: $id) { message } }', variables, {
      token,
    });
    expect(mailed.code).toBe('MAIL_DISABLED');
    const exported = await app.post(
      'mutation($id: ID!) { exportRecoveryCodes(batchId: $id, format: TXT) { file { content } } }',
      variables,
      { token },
    );
    expect(exported.errors).toEqual([]);
  });

  it('issues no codes long after the person proved who they are, and has no password to make up for it', async () => {
    const { token } = await makeSubject({ auth_time: now() - 700 });
    const generate = (currentPassword?: string) =>
      app.post(
        'mutation($input: GenerateRecoveryCodesInput) { generateRecoveryCodes(input: $input) { batch { id } } }',
        { input: { currentPassword } },
        { token },
      );
    expect((await generate()).code).toBe('REAUTHENTICATION_REQUIRED');
    expect((await generate(PASSWORD)).code).toBe('INVALID_CREDENTIALS');
  });

  it('has nothing to do with another subject, or with an account whose id or address it is named by', async () => {
    const { token, id } = await makeSubject();
    const issued = await app.post('mutation { generateRecoveryCodes { batch { id } } }', {}, { token });
    const batchId = issued.data['generateRecoveryCodes'].batch.id;
    const read = async (by: string) =>
      (await app.post('query($id: ID!) { recoveryCodeBatch(id: $id) { id } }', { id: batchId }, { token: by })).data;
    for (const sub of [id, 'admin@localhost', admin.id]) {
      const other = await makeSubject({ sub });
      expect([other.id === id, await read(other.token)]).toEqual([false, { recoveryCodeBatch: null }]);
    }
    expect(await read(token)).toEqual({ recoveryCodeBatch: { id: batchId } });
  });

  it('ends its session by signing out, as does an admin, by deleting the account too', async () => {
    const [one, other, gone] = [await makeSubject(), await makeSubject(), await makeSubject()];
    await app.post('mutation { signOut { acknowledged } }', {}, { token: one.token });
    await app.post(
      'mutation($id: ID!) { revokeSession(id: $id) { acknowledged } }',
      { id: other.sessionId },
      { token: admin.token },
    );
    await app.post(
      'mutation($id: ID!) { deleteAccount(accountId: $id, confirm: true) { acknowledged } }',
      { id: gone.id },
      { token: admin.token },
    );
    for (const { token } of [one, other, gone]) expect(await asked(token)).toBe('UNAUTHENTICATED');
    const [row] = await app.database.rows('select 1 from accounts where id = $1', [gone.id]);
    expect(row).toBeUndefined();
  });
});

describe('a token that is no good', () => {
  it('is UNAUTHENTICATED, is told in the log by the issuer’s name, and is nowhere', async () => {
    const bad = [
      await issuer.token({ claims: { aud: 'zQ7mXk2v', sub: 'zQ7mXk2v' } }),
      await issuer.token({ header: { kid: 'zQ7mXk2v' } }),
      `${(await issuer.token()).split('.').slice(0, 2).join('.')}.zQ7mXk2v`,
      await issuer.token({ claims: { padding: 'zQ7mXk2v'.repeat(1_000) }, header: { typ: 'zQ7mXk2v' } }),
    ];
    const logged = app.log.length;
    for (const token of bad) {
      const answer = await app.post('{ me { id } }', {}, { token });
      expect([answer.code, answer.text.includes('zQ7mXk2v')]).toEqual(['UNAUTHENTICATED', false]);
    }
    const lines = app.log.slice(logged);
    const told = lines
      .map((line) => JSON.parse(line))
      .filter(({ msg }) => msg === 'Tokens of a trusted issuer were refused.');
    expect(told.map(({ client, reason, count }) => [client, reason, count])).toEqual([
      ['Acme', 'It is for another audience.', 1],
      ['Acme', 'It names a key that the issuer does not publish.', 1],
      ['Acme', expect.stringMatching(/^It(?:s signature is wrong| is malformed)\.$/), 1],
      ['Acme', 'Its type is neither at+jwt nor JWT.', 1],
    ]);
    for (const token of [...bad, 'zQ7mXk2v']) expect(lines.join('')).not.toContain(token);
  });

  it('that is huge is refused with what the server says to any such request', async () => {
    const token = await issuer.token({ claims: { padding: 'p'.repeat(20_000) } });
    const response = await fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: '{ me { id } }' }),
    });
    expect(response.status).toBe(431);
  });
});

describe('a socket', () => {
  const closing = { code: 4403, reason: 'Forbidden' };

  it('is opened by a token of a trusted issuer, and tells its subject of its own codes', async () => {
    const [me, other] = [await makeSubject(), await makeSubject()];
    const client = await connectWs(app.url, me.token);
    client.subscribe(BATCHES);
    client.send({ type: 'ping' });
    await client.next();
    const generate = (token: string) => app.post('mutation { generateRecoveryCodes { batch { id } } }', {}, { token });
    await generate(other.token);
    const { data } = await generate(me.token);
    const { recoveryCodesChanged } = await client.event();
    expect(recoveryCodesChanged).toEqual({ id: data['generateRecoveryCodes'].batch.id, remainingCount: 10 });
  });

  it('makes the account of a subject that nobody has seen', async () => {
    const sub = randomUUID();
    await connectWs(app.url, await issuer.token({ claims: { sub } }));
    const rows = await app.database.rows(
      `select s.method, s.ip_address as address from sessions s join accounts a on a.id = s.account_id where external_id = $1`,
      [sub],
    );
    expect(rows).toEqual([{ method: 'FEDERATED', address: '127.0.0.1' }]);
  });

  it('is not opened by one that is no good', async () => {
    for (const token of [await issuer.token({ claims: { aud: 'x' } }), 'x'.repeat(17_000)]) {
      const client = await openWs(app.url);
      client.send({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } });
      expect(await client.closed()).toEqual(closing);
    }
  });

  it('closes when its token expires', async () => {
    const exp = now() + 3;
    const client = await connectWs(app.url, await issuer.token({ claims: { exp } }));
    expect(await client.closed(10_000)).toEqual(closing);
    expect(now()).toBeGreaterThanOrEqual(exp - 1);
  });

  it('closes when its session is revoked, and stays open with another of the subject', async () => {
    const sub = randomUUID();
    const [one, other] = [await makeSubject({ sub }), await makeSubject({ sub })];
    const [first, second] = [await connectWs(app.url, one.token), await connectWs(app.url, other.token)];
    await app.post('mutation { signOut { acknowledged } }', {}, { token: one.token });
    expect(await first.closed()).toEqual(closing);
    second.send({ type: 'ping' });
    expect(await second.next()).toEqual({ type: 'pong' });
  });

  it('closes within seconds when its issuer is not trusted any more', async () => {
    const client = await connectWs(app.url, (await makeSubject()).token);
    await trust({ isEnabled: false });
    try {
      expect(await client.closed(15_000)).toEqual(closing);
    } finally {
      await trust({ isEnabled: true });
      await eventually(async () => (await asked(await issuer.token())) === 'let in');
    }
  });
});

describe('everything else that can be asked', () => {
  let refused: Scene;
  beforeAll(async () => {
    refused = await makeScene(app, admin, await makeSubject());
  });

  /** With another session of the owner's, which may be ended. */
  const ofOwner: Readonly<Record<string, (another: TestAccount) => object>> = {
    'Mutation.revokeSession': ({ sessionId }) => ({ id: sessionId }),
    'Mutation.revokeOtherSessions': () => ({}),
    'Mutation.signOut': () => ({}),
  };

  it.each(names)('%s answers a federated owner as any owner', async (name) => {
    const field = fields.get(name) as Field;
    const [expected, sub] = [operationAnswer(name, 'owner'), randomUUID()];
    // What is done to codes is done to them once.
    const scene = expected === 'FORBIDDEN' ? refused : await makeScene(app, admin, await makeSubject({ sub }));
    const own = ofOwner[name];
    const variables = own === undefined ? await RIGHT_ARGUMENTS[name]?.(scene) : own(await makeSubject({ sub }));
    const { token } = scene.owner;
    const { code, data } = await app.post(documentOf(name, field), { ...variables }, { token });
    const value = data?.[field.name];
    expect(code ?? value?.outcome ?? (value === null ? 'null' : 'answer')).toBe(expected);
  });
});
