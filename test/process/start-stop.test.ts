import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { makeAccount, signIn, type TestAccount } from '../support/accounts.js';
import { ADMIN_EMAIL, post, startTestApp, type TestApp } from '../support/app.js';
import { makeDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { endPrograms, newDataDir, startProgram } from '../support/program.js';

const KEY = randomBytes(32).toString('base64url');
const PUBLIC_URL = 'http://127.0.0.1:4000';

let app: TestApp;
let me: TestAccount;
let settings: Record<string, string>;

beforeAll(async () => {
  app = await startTestApp({ RECOVERY_KEY: KEY, PUBLIC_URL });
  me = await makeAccount(app);
  settings = { DATABASE_URL: app.database.url, RECOVERY_KEY: KEY, PUBLIC_URL };
});
afterEach(endPrograms);
afterAll(async () => {
  await app.close();
});

async function timed<T>(task: Promise<T>): Promise<{ value: T; ms: number }> {
  const begun = performance.now();
  const value = await task;
  return { value, ms: Math.round(performance.now() - begun) };
}

async function signInAs(url: string, email: string, password: string): Promise<string | undefined> {
  const query =
    'mutation($email: String!, $password: String!) { signIn(email: $email, password: $password) { account { role } } }';
  const answer = await post(url, { query, variables: { email, password } });
  return answer.code ?? answer.data['signIn'].account.role;
}

const modeOf = async (...path: string[]) => ((await stat(join(...path))).mode & 0o777).toString(8);

const residentKib = (pid: number) => Number(execFileSync('ps', ['-o', 'rss=', '-p', `${pid}`], { encoding: 'utf8' }));

describe('the first start with nothing set', () => {
  it('brings its own database, prints where to go and the admin’s password, once; the next one is ready soon', async () => {
    const DATA_DIR = await newDataDir();
    const first = await timed(startProgram({ DATA_DIR }));
    const { url } = first.value;
    const text = first.value.output();
    expect(text).toContain(`  Health      ${url}/healthz  ${url}/readyz`);
    expect(text).toContain(`Try it:  npm run demo -- ${url}`);
    const password = /^ {2}Admin +admin@localhost\n {2}Password +(\S{43}) {3}\(shown this once\)$/m.exec(text)?.[1];
    expect(await signInAs(url, ADMIN_EMAIL, password as string)).toBe('ADMIN');
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(['700', '710']).toContain(await modeOf(DATA_DIR));
    expect(await modeOf(DATA_DIR, 'recovery.key')).toBe('600');
    await delay(500);
    const idleKib = residentKib(first.value.pid);
    expect(idleKib).toBeLessThan(200 * 1024);

    first.value.signal('SIGTERM');
    const stop = await timed(first.value.ended);
    expect(stop.value).toBe(0);
    expect(stop.ms).toBeLessThan(10_000);
    expect(existsSync(join(DATA_DIR, 'postgres', 'data', 'postmaster.pid'))).toBe(false);

    const second = await timed(startProgram({ DATA_DIR }));
    expect(second.ms).toBeLessThan(10_000);
    expect(second.value.output()).not.toMatch(/Admin|Password/);
    expect(second.value.output() + second.value.errors()).not.toContain(password);
    expect(await signInAs(second.value.url, ADMIN_EMAIL, password as string)).toBe('ADMIN');
    console.info(
      `first start ${first.ms} ms, idle ${Math.round(idleKib / 1024)} MB, stop ${stop.ms} ms, second start ${second.ms} ms`,
    );
  }, 60_000);
});

describe('stopping', () => {
  /** While every look at the accounts is held back, and with it every request for one's own. */
  async function whileHeld(use: (held: { areWaiting(): Promise<void>; release(): Promise<void> }) => Promise<void>) {
    const client = new pg.Client({ connectionString: app.database.url });
    client.on('error', () => undefined);
    await client.connect();
    const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    try {
      await client.query('begin; lock table accounts in access exclusive mode');
      await use({
        areWaiting: () => eventually(async () => (await app.database.rows(waiting)).length > 0),
        release: async () => void (await client.query('rollback')),
      });
    } finally {
      await client.end();
    }
  }

  const ask = (url: string) => post(url, { query: '{ me { id } }', token: me.token });

  /** Of whichever process, by the database's own names of them. */
  async function connections(): Promise<readonly number[]> {
    const rows = await app.database.rows<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and application_name = 'sparekey'`,
    );
    return rows.map(({ pid }) => pid);
  }

  it('finishes the requests under way, takes no more, closes the database, and ends with 0', async () => {
    const before = new Set(await connections());
    const server = await startProgram(settings);
    expect((await ask(server.url)).data['me'].id).toBe(me.id);
    const own = (await connections()).filter((pid) => !before.has(pid));
    await whileHeld(async (held) => {
      const slow = ask(server.url);
      await held.areWaiting();
      server.signal('SIGTERM');
      const begun = performance.now();
      await eventually(async () => (await fetch(`${server.url}/healthz`).catch(() => undefined)) === undefined);
      const open = await connections();
      expect(own.filter((pid) => open.includes(pid))).not.toEqual([]);
      await held.release();
      expect((await slow).data['me'].id).toBe(me.id);
      expect(await server.ended).toBe(0);
      expect(performance.now() - begun).toBeLessThan(10_000);
    });
    await eventually(async () => (await connections()).every((pid) => !own.includes(pid)));
    expect(server.errors()).toBe('');
  });

  const outcomeOf = (request: Promise<unknown>) =>
    request.then(
      () => 'answered',
      () => 'cut',
    );

  it('ends at once at a second signal', async () => {
    const server = await startProgram(settings);
    await whileHeld(async (held) => {
      const cut = outcomeOf(ask(server.url));
      await held.areWaiting();
      server.signal('SIGTERM');
      await delay(100);
      server.signal('SIGINT');
      const { value, ms } = await timed(server.ended);
      expect(value).toBe(130);
      expect(ms).toBeLessThan(2_000);
      expect(await cut).toBe('cut');
    });
  });

  it('ends within ten seconds although a request does not', async () => {
    const server = await startProgram(settings);
    await whileHeld(async (held) => {
      const cut = outcomeOf(ask(server.url));
      await held.areWaiting();
      server.signal('SIGTERM');
      const { ms, value } = await timed(server.ended);
      expect(await cut).toBe('cut');
      expect(value).toBe(1);
      expect(server.errors()).toBe('Sparekey did not stop in time.\n');
      expect(ms).toBeGreaterThan(4_000);
      expect(ms).toBeLessThan(10_000);
    });
  });

  it('gives up a mail server that does not answer, and leaves its mails to the next start', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const database = await makeDatabase();
    try {
      const server = await startProgram({ DATABASE_URL: database.url, SMTP_URL: `smtp://127.0.0.1:${port}` });
      const query =
        'mutation($email: String!) { register(email: $email, password: "a password of some length") { acknowledged } }';
      for (let n = 0; n < 3; n += 1)
        await post(server.url, { query, variables: { email: `${randomUUID()}@example.org` } });
      const tried = async () => await database.rows('select 1 from outbox where attempts > 0');
      await eventually(async () => (await tried()).length > 0);
      server.signal('SIGTERM');
      const { value, ms } = await timed(server.ended);
      expect([value, ms < 10_000]).toEqual([0, true]);
      const rows = await database.rows<{ soon: boolean; kept: boolean }>(
        `select due_at < now() + interval '10 seconds' as soon, sealed is not null as kept from outbox where delivered_at is null`,
      );
      expect(rows).toEqual(Array.from({ length: 3 }, () => ({ soon: true, kept: true })));
    } finally {
      silent.close();
      await database.drop();
    }
  });
});

describe('a worker', () => {
  async function freePort(): Promise<number> {
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise<void>((resolve) => void server.close(() => resolve()));
    return port;
  }

  it('serves nothing, delivers what others leave in the outbox, and ends with 0', async () => {
    const database = await makeDatabase();
    const DATA_DIR = await newDataDir();
    const PORT = `${await freePort()}`;
    try {
      const worker = await startProgram({ DATABASE_URL: database.url, DATA_DIR, PORT, ROLE: 'worker' });
      expect(worker.url).toBe('');
      await expect(fetch(`http://127.0.0.1:${PORT}/healthz`)).rejects.toThrow('fetch failed');
      const [admin] = await database.rows<{ id: string }>('select id from accounts');
      await database.rows(`insert into outbox (id, topic, payload) values ($1, 'account-unlocked', $2)`, [
        randomUUID(),
        { accountId: admin?.id, at: new Date().toISOString(), ipAddress: null, userAgent: null },
      ]);
      // One that is being written has a name of its own.
      const mails = async () =>
        (await readdir(join(DATA_DIR, 'mail')).catch(() => [])).filter((file) => file.endsWith('.eml'));
      await eventually(async () => (await mails()).length === 1);
      const [name] = await mails();
      expect(await modeOf(DATA_DIR, 'mail', name as string)).toBe('600');
      expect(await readFile(join(DATA_DIR, 'mail', name as string), 'utf8')).toMatch(/^To: admin@localhost\r$/m);
      worker.signal('SIGTERM');
      expect(await worker.ended).toBe(0);
    } finally {
      await database.drop();
    }
  });

  it('stays up while the database is away, with nothing else to keep it', async () => {
    const database = await makeDatabase();
    const name = new URL(database.url).pathname.slice(1);
    try {
      const worker = await startProgram({ DATABASE_URL: database.url, ROLE: 'worker' });
      const allow = (is: boolean) => app.database.rows(`alter database ${name} with allow_connections ${is}`);
      await allow(false);
      await app.database.rows('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]);
      const faults = () => worker.output().split('The outbox cannot be worked off').length - 1;
      await eventually(() => faults() >= 3);
      await allow(true);
      const served = async () =>
        await database.rows(
          `select 1 from pg_stat_activity where datname = current_database() and application_name = 'sparekey'`,
        );
      await eventually(async () => (await served()).length > 0);
      worker.signal('SIGTERM');
      expect(await worker.ended).toBe(0);
    } finally {
      await app.database.rows(`alter database ${name} with allow_connections true`);
      await database.drop();
    }
  });
});

it('an access token is taken by whichever process it meets', async () => {
  const server = await startProgram({ ...settings, ROLE: 'api' });
  const { token } = await signIn(app, me.email, 'a password for the tests 1');
  expect((await post(server.url, { query: '{ me { id } }', token })).data['me'].id).toBe(me.id);
});
