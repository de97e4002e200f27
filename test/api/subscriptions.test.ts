import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { issue, makeAccount, PASSWORD, signIn, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { ADMIN_EMAIL, startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { TOGETHER } from '../support/later-app.js';
import { endReports, makeReports, makeRun, notify } from '../support/reports.js';
import { signInByCode } from '../support/scene.js';
import { connectWs, endSockets, type WsClient } from '../support/ws-client.js';

const REPORTS = `subscription($task: CleanupTask, $after: String) {
  purgeReported(task: $task, after: $after) { id cursor task status counts { name count } total } }`;
const PROGRESS = 'subscription($id: ID) { purgeProgressed(reportId: $id) { reportId task done eligible } }';
const BATCHES = `subscription { recoveryCodesChanged {
  id status remainingCount isLow codes { position status } account { id email activeBatch { id } } } }`;

let app: TestApp;
/** Another process would be no different: another server on the same database, with its own line to it. */
let beside: TestApp;
let admin: TestAccount;

beforeAll(async () => {
  app = await startTestApp({ ...TOGETHER, MAX_ATTEMPTS: '1000' });
  beside = await startTestApp({ ...app.settings }, { database: app.database });
  admin = await signInAsAdmin(app);
});
afterEach(endSockets);
afterAll(async () => {
  await beside.close();
  await app.close();
});

/** Subscribed, and known to be: what happens from here on is heard. */
async function followReports(variables: Record<string, unknown> = {}, server = app): Promise<WsClient> {
  const client = await connectWs(server.url, admin.token);
  client.subscribe(REPORTS, variables);
  // One message goes through after the other.
  client.send({ type: 'ping' });
  await client.next();
  await delay(100);
  return client;
}

const spend = (account: TestAccount, code: string | undefined, server = app) =>
  server.post(
    'mutation($code: String!) { verifyRecoveryCode(code: $code) { outcome } }',
    { code },
    { token: account.token },
  );

const signOut = ({ token }: TestAccount, server = app) =>
  server.post('mutation { signOut { acknowledged } }', {}, { token });

describe('purgeReported', () => {
  it('tells every subscriber of each run that ends, in whichever process', async () => {
    const clients = [await followReports(), await followReports(), await followReports({}, beside)];
    // By way of the outbox, as a run does it.
    const made = await makeReports(app.database, 3, { total: 7 });
    for (const client of clients) {
      const told = [await client.event(), await client.event(), await client.event()];
      expect(told.map(({ purgeReported }) => purgeReported)).toEqual(
        made.map(({ id, cursor }) => ({
          id,
          cursor,
          task: 'OUTBOX',
          status: 'SUCCEEDED',
          counts: [{ name: 'rows', count: 7 }],
          total: 7,
        })),
      );
    }
  });

  it('begins behind a cursor, of one task where it is named', async () => {
    const [first] = await endReports(app.database, 1);
    const wanted = await endReports(app.database, 40, 'COPIES');
    await endReports(app.database, 40, 'SESSIONS');
    const client = await followReports({ task: 'COPIES', after: first?.cursor });
    wanted.push(...(await endReports(app.database, 2, 'COPIES')));
    for (const { id } of wanted) expect((await client.event()).purgeReported.id).toBe(id);
    await client.silence(200);
  });

  it.each([
    ['no cursor', 'nonsense'],
    ['an empty text', ''],
    ['a cursor of another list', Buffer.from('n:1').toString('base64url')],
    ['a cursor of no number', Buffer.from('r:').toString('base64url')],
    ['a cursor past all numbers', Buffer.from(`r:${'9'.repeat(19)}`).toString('base64url')],
    ['a cursor and SQL', Buffer.from(`r:1; drop table accounts`).toString('base64url')],
  ])('refuses %s, naming the argument', async (_label, after) => {
    const client = await connectWs(app.url, admin.token);
    client.subscribe(REPORTS, { after });
    const { payload } = await client.next();
    expect(payload.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', argument: 'after' } }]);
    expect((await client.next()).type).toBe('complete');
  });

  it('is for admins in a session opened by password, and says so to others over a socket that stays', async () => {
    const { codes } = await issue(app, admin);
    const others = [await makeAccount(app), await signInByCode(app, ADMIN_EMAIL, codes[0] as string)];
    for (const { token } of others) {
      const client = await connectWs(app.url, token);
      for (const query of [REPORTS, PROGRESS]) {
        client.subscribe(query);
        expect((await client.next()).payload.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
        expect((await client.next()).type).toBe('complete');
      }
      await endReports(app.database, 1);
      await client.silence(200);
    }
  });
});

describe('purgeProgressed', () => {
  it('tells how far a run is, in whichever process', async () => {
    const [one, other] = [await makeRun(app.database), await makeRun(app.database)];
    const clients = [await connectWs(app.url, admin.token), await connectWs(beside.url, admin.token)];
    for (const client of clients) {
      client.subscribe(PROGRESS, { id: one });
      client.send({ type: 'ping' });
      await client.next();
    }
    await notify(app.database, 'sparekey_purge_progressed', other);
    await app.database.rows('update purge_reports set total = 42 where id = $1', [one]);
    await notify(app.database, 'sparekey_purge_progressed', one);
    for (const client of clients) {
      const told = { reportId: one, task: 'OUTBOX', done: 42, eligible: 100 };
      expect(await client.event()).toEqual({ purgeProgressed: told });
      await client.silence(100);
    }
  });
});

describe('recoveryCodesChanged', () => {
  it('tells the owner of the current batch, then of each that changed, in whichever process, and nobody else', async () => {
    const [me, other] = [await makeAccount(app), await makeAccount(app)];
    const [mine] = [await issue(app, me), await issue(app, other)];
    const clients = [await connectWs(app.url, me.token), await connectWs(beside.url, me.token)];
    const strangers = [await connectWs(app.url, other.token), await connectWs(app.url, admin.token)];
    for (const client of [...clients, ...strangers]) client.subscribe(BATCHES);
    await strangers[0]?.event();
    if ((await app.database.rows(`select 1 from recovery_code_batches where account_id = $1`, [admin.id])).length > 0) {
      await strangers[1]?.event();
    }
    for (const client of clients) {
      expect((await client.event()).recoveryCodesChanged).toMatchObject({
        id: mine.id,
        status: 'ACTIVE',
        remainingCount: 10,
        account: { id: me.id, email: me.email, activeBatch: { id: mine.id } },
      });
    }
    expect((await spend(me, mine.codes[0])).data['verifyRecoveryCode']).toEqual({ outcome: 'ACCEPTED' });
    for (const client of clients) {
      const { recoveryCodesChanged: told } = await client.event();
      expect(told).toMatchObject({ id: mine.id, remainingCount: 9, isLow: false });
      expect(told.codes[0]).toEqual({ position: 1, status: 'USED' });
    }
    for (const client of strangers) await client.silence(300);
  });

  it('is heard by a page whose account has no codes yet, from the first on', async () => {
    const me = await makeAccount(app);
    const client = await connectWs(app.url, me.token);
    client.subscribe(BATCHES);
    await client.silence(200);
    const { id } = await issue(app, me);
    expect((await client.event()).recoveryCodesChanged).toMatchObject({ id, remainingCount: 10 });
  });
});

describe('a socket', () => {
  it.each([
    ['this', () => app],
    ['another', () => beside],
  ])('is closed within a second when its session is signed out in %s process', async (_label, server) => {
    const me = await makeAccount(app);
    const again = await signIn(app, me.email, PASSWORD);
    const [client, other] = [await connectWs(app.url, me.token), await connectWs(app.url, again.token)];
    for (const each of [client, other]) each.subscribe(BATCHES);
    const before = performance.now();
    expect((await signOut(me, server())).errors).toEqual([]);
    expect(await client.closed()).toEqual({ code: 4403, reason: 'Forbidden' });
    expect(performance.now() - before).toBeLessThan(1_000);
    const { id } = await issue(app, again);
    expect((await other.event()).recoveryCodesChanged.id).toBe(id);
    expect(client.received.map(({ type }) => type)).toEqual(['connection_ack']);
  });

  it('is closed when a replayed refresh token ends its session', async () => {
    const me = await makeAccount(app);
    const client = await connectWs(app.url, me.token);
    const refresh = (refreshToken: string) =>
      app.post('mutation($t: String) { refreshSession(refreshToken: $t) { refreshToken } }', { t: refreshToken });
    const next = (await refresh(me.refreshToken)).data['refreshSession'].refreshToken;
    await refresh(next);
    expect((await refresh(me.refreshToken)).code).toBe('REFRESH_TOKEN_REUSED');
    expect((await client.closed(2_000)).code).toBe(4403);
  });

  it('of an admin is closed within five seconds of the role being taken away', async () => {
    const me = await makeAccount(app);
    await app.database.rows(`update accounts set role = 'ADMIN' where id = $1`, [me.id]);
    const client = await connectWs(app.url, me.token);
    client.subscribe(REPORTS);
    await delay(100);
    await endReports(app.database, 1);
    await client.event();
    await app.database.rows(`update accounts set role = 'USER' where id = $1`, [me.id]);
    expect((await client.closed(5_500)).code).toBe(4403);
    const again = await connectWs(app.url, me.token);
    again.subscribe(REPORTS);
    expect((await again.next()).payload.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
  });

  it('runs subscriptions only: a query or a mutation is refused and not executed', async () => {
    const me = await makeAccount(app);
    const client = await connectWs(app.url, me.token);
    for (const query of [
      '{ me { email } }',
      'mutation { signOut { acknowledged } }',
      'mutation { generateRecoveryCodes { codes { code } } }',
    ]) {
      const id = client.subscribe(query);
      expect(await client.next()).toMatchObject({
        id,
        type: 'error',
        payload: [{ extensions: { code: 'BAD_USER_INPUT', argument: 'query' } }],
      });
    }
    expect((await app.post('{ me { id activeBatch { id } } }', {}, { token: me.token })).data['me']).toEqual({
      id: me.id,
      activeBatch: null,
    });
  });
});

describe('a line to the database that is lost', () => {
  const endLines = () =>
    app.database.rows(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'sparekey-listener' and datname = current_database()`,
    );

  it('is opened anew, and what happened meanwhile comes to open subscriptions, once and in order', async () => {
    const me = await makeAccount(app);
    const first = await issue(app, me);
    const reports = await followReports();
    const batches = await connectWs(app.url, me.token);
    batches.subscribe(BATCHES);
    expect((await batches.event()).recoveryCodesChanged.id).toBe(first.id);
    await eventually(
      async () => (await app.database.rows('select 1 from outbox where delivered_at is null')).length === 0,
    );
    // Nobody says a word of these.
    const made = await makeReports(app.database, 50, { isTold: false });
    await app.database.rows('update recovery_code_batches set used_count = used_count + 1 where id = $1', [first.id]);
    await reports.silence(300);
    await batches.silence(10);
    await endLines();
    for (const { id } of made) expect((await reports.event()).purgeReported.id).toBe(id);
    expect((await batches.event()).recoveryCodesChanged).toMatchObject({ id: first.id, remainingCount: 9 });
    made.splice(0, made.length, ...(await makeReports(app.database, 3)));
    for (const { id } of made) expect((await reports.event()).purgeReported.id).toBe(id);
    await reports.silence(200);
  });
});
