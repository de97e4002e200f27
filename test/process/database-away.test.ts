import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { makeAccount, PASSWORD, type TestAccount } from '../support/accounts.js';
import { post, startTestApp, type TestApp } from '../support/app.js';
import { adminUrl } from '../support/database.js';
import { type DatabaseProxy, openDatabaseProxy } from '../support/database-proxy.js';
import { eventually } from '../support/eventually.js';
import { metric } from '../support/metrics.js';
import { endPrograms, type Program, startProgram } from '../support/program.js';

const SHARED = { RECOVERY_KEY: randomBytes(32).toString('base64url'), PUBLIC_URL: 'http://127.0.0.1:4000' };
const GRAPHQL_JSON = 'application/graphql-response+json';

let app: TestApp;
let me: TestAccount;
let proxy: DatabaseProxy;
let server: Program & { url: string };

beforeAll(async () => {
  app = await startTestApp(SHARED);
  me = await makeAccount(app);
  proxy = await openDatabaseProxy(app.database.url);
  server = await startProgram({
    ...SHARED,
    DATABASE_URL: proxy.url,
    ADDRESS_FAILURES_PER_HOUR: '100000',
    MAX_ATTEMPTS: '20',
  });
});
afterAll(async () => {
  await endPrograms();
  await proxy.close();
  await app.close();
});

interface Told {
  readonly status: number;
  readonly code: string | undefined;
  readonly text: string;
}

async function ask(query: string, { token, accept }: { token?: string; accept?: string } = {}): Promise<Told> {
  const headers: Record<string, string> = accept === undefined ? {} : { accept };
  const { status, code, text } = await post(server.url, { query, token, headers });
  return { status, code, text };
}

const myself = (accept?: string) =>
  ask('{ me { id } }', { token: me.token, ...(accept === undefined ? {} : { accept }) });

const signIn = (password = PASSWORD) =>
  ask(`mutation { signIn(email: "${me.email}", password: "${password}") { session { id } } }`);

const health = async (path: string) => {
  const response = await fetch(`${server.url}${path}`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

async function sessions(): Promise<number> {
  return (await app.database.rows('select 1 from sessions where account_id = $1', [me.id])).length;
}

async function isBack(): Promise<boolean> {
  return (await myself()).code === undefined && (await health('/readyz')).status === 200;
}

describe('while the database is away', () => {
  it('answers UNAVAILABLE, is alive but not ready, keeps running, and recovers by itself', async () => {
    expect(await isBack()).toBe(true);
    const before = await sessions();
    await proxy.cut();

    expect(await myself()).toMatchObject({ status: 503, code: 'UNAVAILABLE' });
    expect(await myself(GRAPHQL_JSON)).toMatchObject({ status: 503, code: 'UNAVAILABLE' });
    expect(await signIn()).toMatchObject({ status: 200, code: 'UNAVAILABLE' });
    expect(
      await ask(
        'mutation { register(email: "a@example.org", password: "a password of some length") { acknowledged } }',
      ),
    ).toMatchObject({ code: 'UNAVAILABLE' });
    expect(await ask('mutation { refreshSession(refreshToken: "whatever") { accessToken } }')).toMatchObject({
      code: 'UNAVAILABLE',
    });
    expect(await ask('{ service { siteName } }')).toMatchObject({ status: 200, code: undefined });
    expect(await health('/healthz')).toEqual({ status: 200, body: { status: 'ok' } });
    expect(await health('/readyz')).toEqual({
      status: 503,
      body: { status: 'not ready', database: 'down', migrations: 'unknown', clockSkewMs: null },
    });
    expect((await fetch(`${server.url}/metrics`)).status).toBe(200);

    const answers = await Promise.all(Array.from({ length: 30 }, () => myself()));
    expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(['UNAVAILABLE']));
    for (const { text } of answers) expect(text).not.toMatch(/ECONN|postgres|5432|127\.0\.0\.1/);

    await proxy.restore();
    await eventually(isBack, 5_000);
    expect((await signIn()).code).toBeUndefined();
    expect(await sessions()).toBe(before + 1);
  });

  it('gives up requests that it interrupts, and does half of nothing', async () => {
    const before = await sessions();
    const under = Promise.all(Array.from({ length: 10 }, () => signIn()));
    await eventually(async () => (await metric(server.url, 'sparekey_hashes_total{kind="password"}')) > 2);
    await proxy.cut();
    const answers = await under;
    const done = answers.filter(({ code }) => code === undefined).length;
    expect(answers.filter(({ code }) => code === 'UNAVAILABLE').length).toBe(10 - done);
    await proxy.restore();
    await eventually(isBack, 5_000);
    // A commit whose answer was lost is the one thing that cannot be known.
    expect(await sessions()).toBeGreaterThanOrEqual(before + done);
    expect(await sessions()).toBeLessThanOrEqual(before + 10);
  });

  it('is the same where the server lives and closes the database', async () => {
    const name = new URL(app.database.url).pathname.slice(1);
    const operator = new pg.Client({ connectionString: adminUrl() });
    await operator.connect();
    const open = (is: boolean) => operator.query(`alter database ${name} with allow_connections ${is}`);
    await open(false);
    try {
      await operator.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]);
      expect(await myself()).toMatchObject({ status: 503, code: 'UNAVAILABLE' });
      expect(await signIn()).toMatchObject({ code: 'UNAVAILABLE' });
      expect((await health('/readyz')).status).toBe(503);
    } finally {
      await open(true);
      await operator.end();
    }
    await eventually(isBack, 5_000);
  });

  it('wrote no secret and no more than a few lines a second, and never ended', () => {
    const written = server.output() + server.errors();
    for (const secret of [
      PASSWORD,
      me.token,
      me.refreshToken,
      SHARED.RECOVERY_KEY,
      new URL(app.database.url).password,
    ]) {
      expect(written).not.toContain(secret);
    }
    expect(written).toContain('A database connection was lost.');
    expect(server.errors()).toBe('');
  });
});

describe('a network that lets nothing through', () => {
  it('is told as not ready in time, holds no request for ever, and is left behind once it is back', async () => {
    // Connections that are open by then are the ones that hang.
    await Promise.all(Array.from({ length: 4 }, () => myself()));
    proxy.freeze();
    const asked = performance.now();
    const held = Promise.all(Array.from({ length: 4 }, () => myself()));
    expect((await health('/readyz')).status).toBe(503);
    expect(performance.now() - asked).toBeLessThan(5_000);
    expect((await held).map(({ code }) => code)).toEqual(Array.from({ length: 4 }, () => 'UNAVAILABLE'));
    expect(performance.now() - asked).toBeLessThan(25_000);
    expect((await myself()).code).toBe('UNAVAILABLE');
    await proxy.restore();
    await eventually(isBack, 10_000);
  }, 45_000);
});

describe('/metrics', () => {
  it('counts requests, hashes, spends by outcome, refusals and the pool', async () => {
    const read = (series: string) => metric(server.url, series);
    const series = {
      ok: 'sparekey_requests_total{operation="query",outcome="OK"}',
      wrong: 'sparekey_requests_total{operation="mutation",outcome="INVALID_CREDENTIALS"}',
      refused: 'sparekey_requests_total{operation="mutation",outcome="RATE_LIMITED"}',
      passwords: 'sparekey_hashes_total{kind="password"}',
      codes: 'sparekey_hashes_total{kind="code"}',
      accepted: 'sparekey_spends_total{outcome="accepted"}',
      rejected: 'sparekey_spends_total{outcome="rejected"}',
      signedIn: 'sparekey_spends_total{outcome="signed-in"}',
      refusals: 'sparekey_rate_limit_refusals_total{policy="SIGN_IN"}',
    };
    const all = async () =>
      Object.fromEntries(
        await Promise.all(Object.entries(series).map(async ([name, each]) => [name, await read(each)] as const)),
      );
    const other = await makeAccount(app);
    const before = await all();
    const issued = await post(server.url, {
      query: 'mutation { generateRecoveryCodes { codes { code } } }',
      token: other.token,
    });
    const codes = issued.data['generateRecoveryCodes'].codes.map(({ code }: { code: string }) => code) as string[];
    const verify = (code: string) =>
      ask(`mutation { verifyRecoveryCode(code: "${code}") { outcome } }`, { token: other.token });
    await verify(codes[0] as string);
    await verify('wrong');
    await ask(`mutation { signInWithRecoveryCode(email: "${other.email}", code: "${codes[1]}") { session { id } } }`);
    await ask('{ me { id } }', { token: other.token });
    for (let n = 0; n < 21; n += 1) {
      await ask(`mutation { signIn(email: "${other.email}", password: "wrong") { session { id } } }`);
    }
    const after = await all();
    expect(
      Object.fromEntries(Object.keys(series).map((name) => [name, (after[name] ?? 0) - (before[name] ?? 0)])),
    ).toEqual({
      ok: 1,
      wrong: 20,
      refused: 1,
      passwords: 20,
      codes: 13,
      accepted: 1,
      rejected: 1,
      signedIn: 1,
      refusals: 1,
    });
    expect(await read('sparekey_database_pool_connections{state="idle"}')).toBeGreaterThan(0);
    await eventually(async () => (await read('sparekey_outbox_pending')) === 0);
  });
});

describe('a clock that is wrong', () => {
  it('is told by /readyz with the difference, and does not keep the process from running', async () => {
    const shift = 'const now = Date.now; Date.now = () => now() + 20_000;';
    const wrong = await startProgram({
      ...SHARED,
      DATABASE_URL: app.database.url,
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(shift)}`,
    });
    const response = await fetch(`${wrong.url}/readyz`);
    const body = (await response.json()) as { clockSkewMs: number };
    expect([response.status, body]).toMatchObject([
      503,
      { status: 'not ready', database: 'up', migrations: 'applied' },
    ]);
    expect(Math.abs(body.clockSkewMs - 20_000)).toBeLessThan(1_000);
    expect((await fetch(`${wrong.url}/healthz`)).status).toBe(200);
  });
});
