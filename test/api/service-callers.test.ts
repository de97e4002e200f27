import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { issue, makeAccount, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { type Answer, startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { type As, headersOf, type Host, issueTo, makeHost, newSubject, REVOKE } from '../support/hosts.js';
import { later, startLater, TOGETHER } from '../support/later-app.js';
import { metric } from '../support/metrics.js';
import { outboxDone } from '../support/outbox-done.js';
import { databasePlaces, SecretScan } from '../support/secret-scan.js';
import { statementsOf } from '../support/statements.js';
import { endSockets, openWs } from '../support/ws-client.js';

const DAY = 86_400;
const WRONG_CODE = 'AAAAAA-AAAAAA-AAAAAA-AAAAAA-AAAAAA-AAAAAA';
const ME = '{ me { id externalId origin } }';
const GENERATE = 'mutation { generateRecoveryCodes { batch { id number } codes { code } } }';
const VERIFY = 'mutation($code: String!) { verifyRecoveryCode(code: $code) { outcome } }';
const TEST = 'mutation($code: String!) { testRecoveryCode(code: $code) { outcome } }';
const INVALIDATE = 'mutation($code: String!) { invalidateRecoveryCode(selector: { code: $code }) { outcome } }';
/** That a key is in use: now and then, and nobody waits for it. */
const NOTED = /update service_keys/;
const EXPORT = 'mutation($id: ID!) { exportRecoveryCodes(batchId: $id, format: TXT) { file { content } } }';

let app: TestApp;
let admin: TestAccount;
let host: Host;
let scan: SecretScan;

beforeAll(async () => {
  app = await startTestApp({
    ...TOGETHER,
    LOG_LEVEL: 'trace',
    ADDRESS_FAILURES_PER_HOUR: '12',
    CORS_ORIGINS: 'https://app.example.com',
  });
  admin = await signInAsAdmin(app);
  host = await makeHost(app, admin);
  scan = new SecretScan();
  scan.add('a service key', host.secret);
});
afterAll(async () => {
  endSockets();
  await app.close();
});

const outcomeOf = ({ code, data, errors }: Answer): unknown =>
  errors.length > 0 ? code : Object.values<{ outcome: string }>(data)[0]?.outcome;

const accountsOf = (subject: string, realm = host.realm) =>
  app.database.rows<{ id: string }>('select id, email, role from accounts where origin = $1 and external_id = $2', [
    `service:${realm}`,
    subject,
  ]);

const eventsOf = (condition: string, values: unknown[]) =>
  app.database.rows<Record<string, unknown>>(
    `select action, actor_id, account_id, session_id, service_key_id, method, ip_address, user_agent, count
     from audit_events where ${condition} order by created_at, id`,
    values,
  );

/** The codes of a host application's user that were not asked for yet. */
async function codesFor(as: As, of = host): Promise<() => string> {
  const codes = [...(await issueTo(app, of, as)).codes];
  return () => codes.shift() as string;
}

describe('the first codes of a user', () => {
  it('make its account, in the realm of the key, with an event of it', async () => {
    const subject = newSubject();
    expect((await host.ask(ME, {}, { subject })).data).toEqual({ me: null });
    await issueTo(app, host, { subject, address: '203.0.113.7' });
    const [account, ...others] = await accountsOf(subject);
    expect(others).toEqual([]);
    expect(account).toMatchObject({ email: null, role: 'USER' });
    const origin = `service:${host.realm}`;
    expect((await host.ask(ME, {}, { subject })).data).toEqual({
      me: { id: account?.id, externalId: subject, origin },
    });
    const how = {
      actor_id: account?.id,
      service_key_id: host.keyId,
      method: 'SERVICE',
      session_id: expect.any(String),
    };
    const where = { ip_address: '203.0.113.7', user_agent: null };
    const events = await eventsOf('account_id = $1', [account?.id]);
    expect(events).toMatchObject([
      { action: 'ACCOUNT_REGISTERED', ...how, ...where },
      { action: 'CODES_GENERATED', ...how, ...where },
    ]);
    expect(new Set(events.map(({ session_id }) => session_id)).size).toBe(1);
  });

  it('make one account and one batch, though twenty ask at once, for one user', async () => {
    const subject = newSubject();
    const others = await makeHost(app, admin, { realm: host.realm });
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? host : others).ask(GENERATE, {}, { subject })),
    );
    const issued = answers.filter(({ errors }) => errors.length === 0);
    expect(issued).toHaveLength(1);
    expect(answers.filter(({ code }) => code === 'RATE_LIMITED')).toHaveLength(19);
    const [account, ...more] = await accountsOf(subject);
    expect(more).toEqual([]);
    const batches = await app.database.rows('select status from recovery_code_batches where account_id = $1', [
      account?.id,
    ]);
    expect(batches).toEqual([{ status: 'ACTIVE' }]);
    const registered = await eventsOf(`action = 'ACCOUNT_REGISTERED' and account_id = $1`, [account?.id]);
    expect(registered).toHaveLength(1);
    const [{ code } = { code: '' }] = issued[0]?.data['generateRecoveryCodes'].codes ?? [];
    expect(outcomeOf(await host.ask(VERIFY, { code }, { subject }))).toBe('ACCEPTED');
  });

  it('are asked for without the person proving who they are, and none are issued for wrong arguments', async () => {
    const query = 'mutation { generateRecoveryCodes(input: { expiresInDays: 0 }) { batch { id } } }';
    const subject = newSubject();
    expect((await host.ask(query, {}, { subject })).code).toBe('BAD_USER_INPUT');
    expect(await accountsOf(subject)).toEqual([]);
    await issueTo(app, host, { subject });
    await app.database.rows(
      `update sessions set authenticated_at = now() - interval '30 days' where method = 'SERVICE'`,
    );
    await issueTo(app, host, { subject });
  });

  it('are there for what the same document asks after them', async () => {
    const subject = newSubject();
    const { data, errors } = await host.ask(
      `mutation { generateRecoveryCodes { batch { account { externalId activeBatch { number } } } }
        again: testRecoveryCode(code: "wrong") { outcome } }`,
      {},
      { subject },
    );
    expect(errors).toEqual([]);
    expect(data['generateRecoveryCodes'].batch.account).toEqual({ externalId: subject, activeBatch: { number: 1 } });
    expect(data['again'].outcome).toBe('INVALID_CODE');
  });

  it('make a new account where an admin has deleted the one before, which leaves nothing of itself to it', async () => {
    const subject = newSubject();
    const { id: batchId, codes } = await issueTo(app, host, { subject });
    const [before] = await accountsOf(subject);
    const remove = 'mutation($id: ID!) { deleteAccount(accountId: $id, confirm: true) { acknowledged } }';
    expect((await app.post(remove, { id: before?.id }, { token: admin.token })).errors).toEqual([]);
    expect((await host.ask(ME, {}, { subject })).data).toEqual({ me: null });
    expect(outcomeOf(await host.ask(VERIFY, { code: codes[0] }, { subject }))).toBe('REJECTED');
    await issueTo(app, host, { subject });
    const [after] = await accountsOf(subject);
    expect(after?.id).not.toBe(before?.id);
    expect(outcomeOf(await host.ask(VERIFY, { code: codes[0] }, { subject }))).toBe('REJECTED');
    const { data } = await host.ask(
      'query($id: ID!) { recoveryCodeBatch(id: $id) { id } me { batches { totalCount } } }',
      { id: batchId },
      { subject },
    );
    expect(data).toEqual({ recoveryCodeBatch: null, me: { batches: { totalCount: 1 } } });
  });

  it('make no notice that cannot be delivered', async () => {
    const subject = newSubject();
    const next = await codesFor({ subject });
    await host.ask(VERIFY, { code: next() }, { subject });
    await outboxDone(app.database);
    const [account] = await accountsOf(subject);
    const told = await app.database.rows(
      `select topic, failed_at from outbox where payload->>'accountId' = $1 order by topic`,
      [account?.id],
    );
    expect(told).toEqual([
      { topic: 'code-used', failed_at: null },
      { topic: 'codes-issued', failed_at: null },
    ]);
  });
});

describe('keys of one realm', () => {
  it('act for the same users, and share what one of them issued', async () => {
    const other = await makeHost(app, admin, { realm: host.realm, name: 'Another' });
    const subject = newSubject();
    const { id, codes } = await issueTo(app, host, { subject });
    const exported = await other.ask(EXPORT, { id }, { subject });
    const { content } = exported.data['exportRecoveryCodes'].file;
    expect(Buffer.from(content, 'base64').toString().trim().split(/\r?\n/)).toEqual(codes);
    expect(outcomeOf(await other.ask(VERIFY, { code: codes[0] }, { subject }))).toBe('ACCEPTED');
    expect(await eventsOf(`action = 'CODE_USED' and batch_id = $1`, [id])).toMatchObject([
      { service_key_id: other.keyId, method: 'SERVICE' },
    ]);
  });

  it('are told nothing of a user of the same name in another realm', async () => {
    const other = await makeHost(app, admin);
    const subject = newSubject();
    const { id, codes } = await issueTo(app, host, { subject });
    expect((await other.ask(ME, {}, { subject })).data).toEqual({ me: null });
    expect((await other.ask(`{ recoveryCodeBatch(id: "${id}") { id } }`, {}, { subject })).data).toEqual({
      recoveryCodeBatch: null,
    });
    expect(outcomeOf(await other.ask(VERIFY, { code: codes[0] }, { subject }))).toBe('REJECTED');
    expect((await other.ask(EXPORT, { id }, { subject })).code).toBe('NOT_FOUND');
    expect(await accountsOf(subject, other.realm)).toEqual([]);
    await issueTo(app, other, { subject });
    expect(outcomeOf(await other.ask(VERIFY, { code: codes[0] }, { subject }))).toBe('REJECTED');
    expect(outcomeOf(await host.ask(VERIFY, { code: codes[0] }, { subject }))).toBe('ACCEPTED');
    const [mine, theirs] = [await accountsOf(subject), await accountsOf(subject, other.realm)];
    expect(mine[0]?.id).not.toBe(theirs[0]?.id);
  });

  it('never mean a LOCAL account, though the subject is its address, its id or its e-mail in another case', async () => {
    const local = await makeAccount(app);
    const { codes } = await issue(app, local);
    const before = await app.database.rows('select * from accounts where id = $1', [local.id]);
    for (const subject of [local.email, local.email.toUpperCase(), local.id]) {
      expect((await host.ask(ME, {}, { subject })).data).toEqual({ me: null });
      expect(outcomeOf(await host.ask(VERIFY, { code: codes[0] }, { subject }))).toBe('REJECTED');
      await issueTo(app, host, { subject });
      expect((await accountsOf(subject))[0]?.id).not.toBe(local.id);
    }
    expect(await app.database.rows('select * from accounts where id = $1', [local.id])).toEqual(before);
    const verified = await app.post(VERIFY, { code: codes[0] }, { token: local.token });
    expect(outcomeOf(verified)).toBe('ACCEPTED');
  });
});

describe('a user to whom nothing was issued', () => {
  interface Trace {
    readonly answer: string;
    readonly statements: readonly string[];
    readonly hashes: number;
  }

  async function traceOf(query: string, as: As): Promise<Trace> {
    const series = 'sparekey_hashes_total{kind="code"}';
    await outboxDone(app.database);
    const before = await metric(app.url, series);
    let answer = '';
    const statements = await statementsOf(app.database.pool, async () => {
      answer = (await host.ask(query, { code: WRONG_CODE }, as)).text;
    });
    const hashes = (await metric(app.url, series)) - before;
    return { answer, statements: statements.filter((text) => !NOTED.test(text)), hashes };
  }

  /** One with an account and without a batch. */
  async function withoutBatch(): Promise<string> {
    const subject = newSubject();
    await app.database.rows('insert into accounts (id, origin, external_id) values ($1, $2, $3)', [
      randomUUID(),
      `service:${host.realm}`,
      subject,
    ]);
    return subject;
  }

  it.each([
    ['verifyRecoveryCode', VERIFY, { outcome: 'REJECTED' }, 1],
    ['testRecoveryCode', TEST, { outcome: 'NO_ACTIVE_BATCH' }, 0],
    ['invalidateRecoveryCode', INVALIDATE, { outcome: 'NOT_FOUND' }, 1],
  ])('gets from %s the answer and the work of one without codes', async (field, query, payload, hashes) => {
    await app.database.rows(`alter table outbox alter column due_at set default now() + interval '1 day'`);
    const address = '198.51.100.1';
    const unknown = await traceOf(query, { subject: newSubject(), address });
    const known = await traceOf(query, { subject: await withoutBatch(), address: '198.51.100.2' });
    await app.database.rows('alter table outbox alter column due_at set default sparekey_now()');
    expect(JSON.parse(unknown.answer)).toEqual({ data: { [field]: payload } });
    expect(unknown.hashes).toBe(hashes);
    expect(unknown.statements.length).toBeGreaterThan(2);
    expect(unknown).toEqual(known);
  });

  it('has no account by anything but issuing', async () => {
    const subject = newSubject();
    const [sessions] = await app.database.rows('select count(*) from sessions');
    for (const query of [VERIFY, TEST, INVALIDATE]) await host.ask(query, { code: WRONG_CODE }, { subject });
    await host.ask(ME, {}, { subject });
    await host.ask(EXPORT, { id: randomUUID() }, { subject });
    expect(await accountsOf(subject)).toEqual([]);
    expect(await app.database.rows('select count(*) from sessions')).toEqual([sessions]);
  });

  it('is one event with a count, whatever it is called, of its key and network', async () => {
    const other = await makeHost(app, admin);
    for (let n = 0; n < 3; n += 1) {
      await other.ask(VERIFY, { code: WRONG_CODE }, { subject: newSubject(), address: '198.51.100.9' });
      await other.ask(VERIFY, { code: WRONG_CODE }, { subject: newSubject() });
    }
    const rejected = await eventsOf(`action = 'CODE_REJECTED' and service_key_id = $1`, [other.keyId]);
    const one = { account_id: null, actor_id: null, method: 'SERVICE', count: 3 };
    expect(rejected).toMatchObject([
      { ...one, ip_address: '198.51.100.9' },
      { ...one, ip_address: null },
    ]);
    for (const subject of [newSubject(), newSubject()]) {
      for (let n = 0; n < 6; n += 1) await other.ask(VERIFY, { code: WRONG_CODE }, { subject });
    }
    const refused = await eventsOf(`action = 'RATE_LIMITED' and service_key_id = $1`, [other.keyId]);
    expect(refused).toMatchObject([{ account_id: null, count: 2 }]);
  });
});

describe('limits', () => {
  const guess = (as: As, code = WRONG_CODE) => host.ask(VERIFY, { code }, as);

  async function untilLocked(as: As): Promise<void> {
    for (let n = 0; n < 5; n += 1) expect(outcomeOf(await guess(as))).toBe('REJECTED');
    expect((await guess(as)).code).toBe('RATE_LIMITED');
  }

  it('are kept by user: one that is locked locks no other, of this realm or another', async () => {
    const [locked, free] = [newSubject(), newSubject()];
    const next = await codesFor({ subject: free });
    await issueTo(app, host, { subject: locked });
    await untilLocked({ subject: locked });
    expect(outcomeOf(await guess({ subject: free }, next()))).toBe('ACCEPTED');
    const other = await makeHost(app, admin);
    const elsewhere = await codesFor({ subject: locked }, other);
    expect(outcomeOf(await other.ask(VERIFY, { code: elsewhere() }, { subject: locked }))).toBe('ACCEPTED');
  });

  it('lock an unknown user by the same steps, and hold once it has its account', async () => {
    const waits = async (subject: string) => {
      const told: unknown[] = [];
      for (let n = 0; n < 8; n += 1) {
        const answer = await guess({ subject });
        const wait = answer.errors[0]?.extensions?.['retryAfterSeconds'];
        // Of the first window, some may have passed.
        told.push(typeof wait === 'number' ? Math.ceil(wait / 10) * 10 : outcomeOf(answer));
      }
      return told;
    };
    const [known, unknown] = [newSubject(), newSubject()];
    await issueTo(app, host, { subject: known });
    const steps = await waits(known);
    expect(steps.slice(5)).toEqual([60, 120, 240]);
    expect(await waits(unknown)).toEqual(steps);
    const { data } = await host.ask(GENERATE, {}, { subject: unknown });
    const { code } = data['generateRecoveryCodes'].codes[0];
    expect((await guess({ subject: unknown }, code)).code).toBe('RATE_LIMITED');
    // An admin who unlocks it means the same user.
    const [account] = await accountsOf(unknown);
    const unlock = 'mutation($id: ID!) { unlockAccount(accountId: $id) { id } }';
    expect((await app.post(unlock, { id: account?.id }, { token: admin.token })).errors).toEqual([]);
    expect(outcomeOf(await guess({ subject: unknown }, code))).toBe('ACCEPTED');
  });

  it("are kept by the user's address, where the host application tells it", async () => {
    const subject = newSubject();
    const next = await codesFor({ subject });
    await untilLocked({ subject, address: '203.0.113.50' });
    expect(outcomeOf(await guess({ subject, address: '203.0.113.51' }, next()))).toBe('ACCEPTED');
    expect(outcomeOf(await guess({ subject }, next()))).toBe('ACCEPTED');
    expect((await guess({ subject, address: '203.0.113.50' }, next())).code).toBe('RATE_LIMITED');
  });

  it('refuse an address, for IPv6 a network, after ADDRESS_FAILURES_PER_HOUR, and never the host application itself', async () => {
    for (let n = 0; n < 12; n += 1) {
      const address = `2001:db8:7::${n + 1}`;
      expect(outcomeOf(await guess({ subject: newSubject(), address }))).toBe('REJECTED');
    }
    const subject = newSubject();
    const next = await codesFor({ subject });
    expect((await guess({ subject, address: '2001:db8:7::ffff' }, next())).code).toBe('RATE_LIMITED');
    expect(outcomeOf(await guess({ subject, address: '2001:db8:8::1' }, next()))).toBe('ACCEPTED');
    for (let n = 0; n < 13; n += 1) expect(outcomeOf(await guess({ subject: newSubject() }))).toBe('REJECTED');
    expect(outcomeOf(await guess({ subject }, next()))).toBe('ACCEPTED');
  });

  it('hold for issuing by user, whichever key of the realm asks', async () => {
    const other = await makeHost(app, admin, { realm: host.realm });
    const subject = newSubject();
    expect((await host.ask(GENERATE, {}, { subject })).errors).toEqual([]);
    expect((await other.ask(GENERATE, {}, { subject })).code).toBe('RATE_LIMITED');
    expect((await host.ask(GENERATE, {}, { subject: newSubject() })).errors).toEqual([]);
  });
});

describe('the copy of what was issued', () => {
  const exported = async (id: string, as: As) => (await host.ask(EXPORT, { id }, as)).code ?? 'exported';

  it('is for the same session of the host application only', async () => {
    const subject = newSubject();
    const { id } = await issueTo(app, host, { subject, session: 'one' });
    expect(await exported(id, { subject, session: 'two' })).toBe('COPY_UNAVAILABLE');
    expect(await exported(id, { subject, session: 'One' })).toBe('COPY_UNAVAILABLE');
    expect(await exported(id, { subject })).toBe('COPY_UNAVAILABLE');
    expect(await exported(id, { subject: newSubject(), session: 'one' })).toBe('NOT_FOUND');
    expect(await exported(id, { subject, session: 'one' })).toBe('exported');
    expect(await exported(id, { subject, session: 'one' })).toBe('ALREADY_EXPORTED');
  });

  it('is for all who name none, where none is named', async () => {
    const subject = newSubject();
    const { id } = await issueTo(app, host, { subject });
    expect(await exported(id, { subject, session: 'null' })).toBe('COPY_UNAVAILABLE');
    expect(await exported(id, { subject })).toBe('exported');
  });

  it('is never mailed, since nobody knows an address', async () => {
    const subject = newSubject();
    const { id } = await issueTo(app, host, { subject });
    const { code } = await host.ask(
      'mutation($id: ID!) { emailRecoveryCodes(batchId: $id) { message } }',
      { id },
      { subject },
    );
    expect(code).toBe('MAIL_DISABLED');
    expect(await exported(id, { subject })).toBe('exported');
  });

  it('ends when an admin ends the session, but not the codes, nor what is issued next', async () => {
    const subject = newSubject();
    const { id, codes } = await issueTo(app, host, { subject });
    const [account] = await accountsOf(subject);
    const SESSIONS = 'query($id: ID!) { account(id: $id) { sessions { id method isCurrent } } }';
    const { data } = await app.post(SESSIONS, { id: account?.id }, { token: admin.token });
    expect(data['account'].sessions).toEqual([{ id: expect.any(String), method: 'SERVICE', isCurrent: false }]);
    const revoked = await app.post(
      'mutation($id: ID!) { revokeSession(id: $id) { acknowledged } }',
      { id: data['account'].sessions[0].id },
      { token: admin.token },
    );
    expect(revoked.errors).toEqual([]);
    expect(await exported(id, { subject })).toBe('COPY_UNAVAILABLE');
    const after = await app.post(SESSIONS, { id: account?.id }, { token: admin.token });
    expect(after.data['account'].sessions).toEqual([]);
    expect(outcomeOf(await host.ask(VERIFY, { code: codes[0] }, { subject }))).toBe('ACCEPTED');
    expect(outcomeOf(await host.ask(TEST, { code: codes[1] }, { subject }))).toBe('VERIFIED');
    expect(outcomeOf(await host.ask(INVALIDATE, { code: codes[2] }, { subject }))).toBe('DONE');
    const next = await issueTo(app, host, { subject });
    expect(await exported(next.id, { subject })).toBe('exported');
  });

  it('does not outlast its session, whose end closes no codes', async () => {
    const subject = newSubject();
    const { id, codes } = await issueTo(app, host, { subject });
    await later(app, 2 * DAY, async (then) => {
      const as = (query: string, variables: Record<string, unknown>) => host.ask(query, variables, { subject }, then);
      expect((await as(EXPORT, { id })).code).toBe('COPY_UNAVAILABLE');
      expect(outcomeOf(await as(VERIFY, { code: codes[0] }))).toBe('ACCEPTED');
    });
  });
});

describe('a key that is refused', () => {
  const refused = async (secret: string, at: Pick<TestApp, 'post'> = app) => {
    const subject = newSubject();
    const answers = [ME, GENERATE, 'mutation { verifyRecoveryCode(code: "x") { outcome } }'].map((query) =>
      at.post(query, {}, { token: secret, headers: headersOf({ subject }) }),
    );
    const codes = (await Promise.all(answers)).map(({ code }) => code);
    expect(await accountsOf(subject)).toEqual([]);
    return codes;
  };
  const THRICE = ['UNAUTHENTICATED', 'UNAUTHENTICATED', 'UNAUTHENTICATED'];

  it.each([
    ['unknown', () => `sk_${randomBytes(32).toString('base64url')}`],
    ['cut off', () => host.secret.slice(0, -1)],
    ['longer', () => `${host.secret}A`],
    ['in another case', () => host.secret.replace('sk_', 'SK_')],
    ['without its beginning', () => host.secret.slice(3)],
    ['its beginning only', () => 'sk_'],
    ['its hash', () => `sk_${'0'.repeat(64)}`],
  ])('is one that is %s', async (_label, secret) => {
    expect(await refused(secret())).toEqual(THRICE);
  });

  it('is one that was revoked, at once and in every process', async () => {
    const other = await startLater(app, 0);
    const key = await makeHost(app, admin);
    const subject = newSubject();
    expect((await key.ask(GENERATE, {}, { subject }, other)).errors).toEqual([]);
    const { errors } = await app.post(REVOKE, { id: key.keyId }, { token: admin.token });
    expect(errors).toEqual([]);
    expect(await refused(key.secret, other)).toEqual(THRICE);
    expect(await refused(key.secret)).toEqual(THRICE);
    // What it did stays, and another key of the realm goes on from there.
    const next = await makeHost(app, admin, { realm: key.realm });
    expect((await next.ask(ME, {}, { subject })).data['me']).toMatchObject({ externalId: subject });
    await other.close();
  });

  it('is one that has expired, to the second', async () => {
    const key = await makeHost(app, admin, { expiresInDays: 1 });
    await later(app, DAY - 60, async (then) => {
      expect((await key.ask(ME, {}, { subject: newSubject() }, then)).data).toEqual({ me: null });
    });
    await later(app, DAY + 1, async (then) => expect(await refused(key.secret, then)).toEqual(THRICE));
  });

  it('answers what is open to everybody as to anybody with a bad token', async () => {
    const { data } = await app.post('{ service { siteName } me { id } }', {}, { token: `sk_${'A'.repeat(43)}` });
    expect(data).toEqual({ service: { siteName: 'Sparekey' }, me: null });
  });
});

describe('a header of a service key', () => {
  /** Sends lines as they are; several values are several lines. */
  async function send(headers: Record<string, string | string[]>, query = ME): Promise<{ status: number; body: any }> {
    const body = JSON.stringify({ query });
    const { hostname, port } = new URL(app.url);
    return await new Promise((resolve, reject) => {
      const sent = request(
        {
          hostname,
          port,
          path: '/graphql',
          agent: false,
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }

  const withKey = (headers: Record<string, string | string[]>) =>
    send({ authorization: `Bearer ${host.secret}`, ...headers });

  const NAMES = ['X-Sparekey-Subject', 'X-Sparekey-Subject-Session'] as const;
  const WRONG_NAMES: Readonly<Record<string, string | string[]>> = {
    'is empty': '',
    'is blank': '   ',
    'is too long': 'x'.repeat(256),
    'is sent twice': ['ada', 'ada'],
    'is sent twice, once empty': ['ada', ''],
    'has a tab in it': 'a\tb',
    'has a letter beyond ASCII': 'Ren\u00e9',
    'has a control character': 'a\u0080b',
  };

  it.each(NAMES.flatMap((name) => Object.keys(WRONG_NAMES).map((label) => [name, label] as const)))(
    '%s is refused when it %s',
    async (name, label) => {
      const subject = name === 'X-Sparekey-Subject' ? {} : headersOf({ subject: newSubject() });
      const { status, body } = await withKey({ ...subject, [name]: WRONG_NAMES[label] as string });
      expect(status).toBe(400);
      expect(body.errors).toEqual([
        { message: expect.stringContaining(name), extensions: { code: 'BAD_USER_INPUT', argument: name } },
      ]);
      expect(body.data).toBeUndefined();
    },
  );

  it.each([
    'localhost',
    '',
    '203.0.113',
    '203.0.113.256',
    '0203.0.113.9',
    '203.0.113.9:443',
    '203.0.113.9, 198.51.100.1',
    '[2001:db8::1]',
    'fe80::1%eth0',
    '3405803785',
    '203.0.113.0/24',
  ])('X-Sparekey-Client-Address is refused as %j', async (address) => {
    const { status, body } = await withKey({ 'X-Sparekey-Client-Address': address });
    expect([status, body.errors[0].extensions.argument]).toEqual([400, 'X-Sparekey-Client-Address']);
    expect((await withKey({ 'X-Sparekey-Client-Address': ['203.0.113.9', '203.0.113.9'] })).status).toBe(400);
  });

  it.each([
    ['one character', 'x'],
    ['255 characters', `user-${'x'.repeat(250)}`],
    ['blanks and signs', 'a b, c;"d"=\\~!'],
    ['what looks like SQL', `'); drop table accounts; --`],
    ['what looks like another origin', 'LOCAL'],
  ])('names a user by %s, to the letter', async (_label, subject) => {
    const { data } = await host.ask(
      'mutation { generateRecoveryCodes { batch { account { externalId } } } }',
      {},
      { subject },
    );
    expect(data['generateRecoveryCodes'].batch.account.externalId).toBe(subject);
    expect((await host.ask(ME, {}, { subject })).data['me'].externalId).toBe(subject);
    expect(await accountsOf(subject)).toHaveLength(1);
  });

  it('is compared in its case, less blanks around it, which HTTP does not count', async () => {
    const subject = newSubject();
    await issueTo(app, host, { subject });
    for (const other of [subject.toUpperCase(), `${subject}x`, subject.slice(0, -1)]) {
      expect((await host.ask(ME, {}, { subject: other })).data).toEqual({ me: null });
    }
    const { body } = await withKey({ 'x-sparekey-subject': ` ${subject} ` });
    expect(body.data.me.externalId).toBe(subject);
  });

  it('is believed of a service key only: a user stays who the token says, from where the request comes', async () => {
    const me = await makeAccount(app);
    const victim = await makeAccount(app);
    const headers = headersOf({ subject: victim.id, session: 'x', address: '203.0.113.99' });
    const { data } = await app.post('{ me { id } }', {}, { token: me.token, headers });
    expect(data).toEqual({ me: { id: me.id } });
    await app.post(
      VERIFY,
      { code: WRONG_CODE },
      { token: me.token, headers: { ...headers, 'x-forwarded-for': '198.51.100.77' } },
    );
    const [event] = await eventsOf(`action = 'CODE_REJECTED' and account_id = $1`, [me.id]);
    expect(event).toMatchObject({ ip_address: '198.51.100.77', service_key_id: null, method: 'PASSWORD' });
    // Nor is what is wrong with it looked at.
    const wrong = { ...headers, 'x-sparekey-subject': '', 'x-sparekey-client-address': 'nowhere' };
    expect((await app.post('{ me { id } }', {}, { token: me.token, headers: wrong })).data).toEqual({
      me: { id: me.id },
    });
    expect((await app.post('{ me { id } }', {}, { headers: wrong })).data).toEqual({ me: null });
  });

  it("is not looked for in the query, the body or a cookie, and the host application's own address is not the user's", async () => {
    const subject = newSubject();
    await issueTo(app, host, { subject });
    const url = `${app.url}/graphql?query=${encodeURIComponent(ME)}&x-sparekey-subject=${subject}`;
    const headers = {
      authorization: `Bearer ${host.secret}`,
      'apollo-require-preflight': '1',
      cookie: `x-sparekey-subject=${subject}`,
    };
    const got = await (await fetch(url, { headers })).json();
    expect((got as any).errors[0].extensions.code).toBe('FORBIDDEN');
    const right = await (await fetch(url, { headers: { ...headers, ...headersOf({ subject }) } })).json();
    expect((right as any).data.me.externalId).toBe(subject);
    await app.post(
      VERIFY,
      { code: WRONG_CODE },
      {
        token: host.secret,
        headers: {
          ...headersOf({ subject }),
          'x-forwarded-for': '198.51.100.78',
          'user-agent': 'Mozilla/5.0 Firefox/130.0',
        },
      },
    );
    const [account] = await accountsOf(subject);
    const [event] = await eventsOf(`action = 'CODE_REJECTED' and account_id = $1`, [account?.id]);
    expect(event).toMatchObject({ ip_address: null, user_agent: null });
  });

  it.each([
    ['a user and a key', (token: string) => [`Bearer ${token}`, `Bearer ${host.secret}`]],
    ['a key and a user', (token: string) => [`Bearer ${host.secret}`, `Bearer ${token}`]],
    ['the same key twice', () => [`Bearer ${host.secret}`, `Bearer ${host.secret}`]],
  ])('Authorization is refused where it is sent for %s', async (_label, values) => {
    const { token } = await makeAccount(app);
    const { body } = await send({ authorization: values(token), 'x-sparekey-subject': newSubject() });
    expect(body.errors[0].extensions.code).toBe('UNAUTHENTICATED');
  });

  it('is not among those that a page of another origin may send', async () => {
    const response = await fetch(`${app.url}/graphql`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://app.example.com',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization, x-sparekey-subject, x-sparekey-client-address',
      },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-headers')).not.toMatch(/sparekey/i);
  });

  it('opens no socket, neither does the key', async () => {
    const subject = newSubject();
    const headers = { authorization: `Bearer ${host.secret}`, ...headersOf({ subject }) };
    for (const payload of [{ authorization: headers.authorization }, { ...headers }]) {
      const client = await openWs(app.url, { headers });
      client.send({ type: 'connection_init', payload });
      expect(await client.closed()).toEqual({ code: 4403, reason: 'Forbidden' });
    }
    const { code } = await host.ask('subscription { recoveryCodesChanged { id } }', {}, { subject });
    expect(code).toBe('BAD_USER_INPUT');
  });
});

describe('a request with a service key', () => {
  it('is one statement for the key and for whom it acts', async () => {
    const subject = newSubject();
    await issueTo(app, host, { subject });
    await usedAt(host.keyId);
    await outboxDone(app.database);
    const statements = await statementsOf(app.database.pool, () => host.ask(ME, {}, { subject }));
    const asked = statements.filter((text) => !NOTED.test(text));
    expect(asked.map((text) => /from (\w+)/.exec(text)?.[1])).toEqual(['service_keys', 'accounts']);
  });

  it('is noted once a minute, whatever it asks', async () => {
    const key = await makeHost(app, admin);
    expect(await lastUse(key.keyId)).toBeNull();
    await key.ask('{ service { siteName } }', {}, {});
    const first = await usedAt(key.keyId);
    const statements = await statementsOf(app.database.pool, () =>
      Promise.all(Array.from({ length: 10 }, () => key.ask(ME, {}, { subject: newSubject() }))),
    );
    expect(statements.filter((text) => NOTED.test(text))).toEqual([]);
    expect(await lastUse(key.keyId)).toEqual(first);
    await later(app, 61, async (then) => {
      await key.ask(ME, {}, { subject: newSubject() }, then);
      await eventually(async () => ((await lastUse(key.keyId)) as Date) > first);
    });
  });

  async function lastUse(id: string): Promise<Date | null> {
    const [row] = await app.database.rows<{ at: Date | null }>(
      'select last_used_at as at from service_keys where id = $1',
      [id],
    );
    return row?.at ?? null;
  }

  async function usedAt(id: string): Promise<Date> {
    await eventually(async () => (await lastUse(id)) !== null);
    return (await lastUse(id)) as Date;
  }
});

describe('the secret of a key', () => {
  it('is in no column of the database and no line of the log, after all of this', async () => {
    const places = await databasePlaces(app.database);
    expect(places.some(({ name }) => name === 'service_keys.key_hash')).toBe(true);
    expect(scan.finds([...places, ...app.log.map((text, n) => ({ name: `line ${n + 1} of the log`, text }))])).toEqual(
      [],
    );
    expect(scan.finds([{ name: 'a proof', text: `… ${host.secret} …` }])).toEqual(['a service key in a proof']);
  });
});
