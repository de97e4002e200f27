import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { decodeProtectedHeader } from 'jose';
import { makeAccount, signIn, type TestAccount } from '../support/accounts.js';
import { ADMIN_EMAIL, ADMIN_PASSWORD, post, type TestApp } from '../support/app.js';
import { sparekey } from '../support/command.js';
import { makeDatabase, type TestDatabase } from '../support/database.js';
import { endPrograms, startProgram } from '../support/program.js';

type Server = Awaited<ReturnType<typeof startProgram>>;

let database: TestDatabase;
let dataDir: string;
let settings: Record<string, string>;
let servers: readonly [Server, Server];

beforeAll(async () => {
  database = await makeDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'sparekey-rotation-'));
  settings = {
    DATABASE_URL: database.url,
    RECOVERY_KEY: randomBytes(32).toString('base64url'),
    PUBLIC_URL: 'http://127.0.0.1:4000',
    LOG_LEVEL: 'warn',
    ADMIN_PASSWORD,
    ADDRESS_FAILURES_PER_HOUR: '100000',
  };
  servers = await Promise.all([startProgram(settings), startProgram(settings)]);
}, 60_000);
afterAll(async () => {
  const errors = servers.map((server) => server.errors());
  await endPrograms();
  await database.drop();
  await rm(dataDir, { recursive: true, force: true });
  expect(errors).toEqual(['', '']);
});

const run = (...args: string[]) => sparekey({ ...settings, DATA_DIR: dataDir }, ...args);
/** What the makers of accounts ask. */
const at = (server: Server): Pick<TestApp, 'database' | 'post'> => ({
  database,
  post: (query, variables, options) => post(server.url, { query, variables, ...options }) as never,
});

const me = (server: Server, token: string) => at(server).post('{ me { id } }', {}, { token });
const kidOf = (token: string) => decodeProtectedHeader(token).kid as string;

async function publishedBy(server: Server): Promise<string[]> {
  const document = (await (await fetch(`${server.url}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] };
  return document.keys.map(({ kid }) => kid);
}

async function refreshed(server: Server, account: TestAccount): Promise<TestAccount> {
  const query = 'mutation($t: String) { refreshSession(refreshToken: $t) { accessToken refreshToken } }';
  const { data, errors } = await at(server).post(query, { t: account.refreshToken });
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  const { accessToken: token, refreshToken } = data['refreshSession'];
  return { ...account, token, refreshToken };
}

const ROTATE = `mutation($revoke: Boolean, $password: String) {
  rotateSigningKey(revokePrevious: $revoke, currentPassword: $password) { kid } }`;

describe('rotating while two processes serve', () => {
  it('refuses no token that is valid, whichever process signed it, which takes it, and which rotated', async () => {
    const [a, b] = servers;
    const admin = await signIn(at(a), ADMIN_EMAIL, ADMIN_PASSWORD);
    const answers: string[] = [];
    const kids = new Set<string>();
    let isOver = false;
    /** Signs at one process and shows the token to the other at once, and the one before once more to both. */
    const client = async (signer: Server, taker: Server) => {
      let account = await makeAccount(at(signer));
      while (!isOver) {
        const old = account.token;
        account = await refreshed(signer, account);
        kids.add(kidOf(account.token));
        const asking = [me(taker, account.token), me(taker, old), me(signer, old)];
        for (const { code, data } of await Promise.all(asking))
          answers.push(code ?? (data['me'].id === account.id ? 'in' : '?'));
      }
    };
    const clients = [client(a, b), client(b, a), client(a, b), client(b, a)];
    const rotated: string[] = [];
    for (let n = 0; n < 10; n += 1) {
      const { data } = await at(n % 2 === 0 ? a : b).post(ROTATE, {}, { token: admin.token });
      rotated.push(data['rotateSigningKey'].kid);
      await delay(40);
    }
    isOver = true;
    await Promise.all(clients);
    expect(Object.fromEntries([...Map.groupBy(answers, (answer) => answer)].map(([answer]) => [answer, true]))).toEqual(
      {
        in: true,
      },
    );
    expect(answers.length).toBeGreaterThan(60);
    expect(rotated.filter((kid) => kids.has(kid)).length).toBeGreaterThan(4);
    expect(await Promise.all(servers.map(publishedBy))).toEqual([
      expect.arrayContaining(rotated),
      expect.arrayContaining(rotated),
    ]);
  }, 60_000);

  it('takes no token of a key from the moment on at which it ends', async () => {
    const [a, b] = servers;
    const account = await makeAccount(at(a));
    const kid = kidOf(account.token);
    const admin = await signIn(at(b), ADMIN_EMAIL, ADMIN_PASSWORD);
    await at(b).post(ROTATE, {}, { token: admin.token });
    const [{ endsAt } = {}] = await database.rows<{ endsAt: Date }>(
      `update signing_keys set expires_at = clock_timestamp() + interval '1500 ms' where kid = $1 returning expires_at as "endsAt"`,
      [kid],
    );
    // Nobody sets an end by hand: the word of it goes with rotating.
    await database.rows(`select pg_notify('sparekey_keys_changed', '')`);
    const seen: { readonly sentAt: number; readonly answeredAt: number; readonly isIn: boolean }[] = [];
    while (Date.now() < (endsAt as Date).getTime() + 500) {
      for (const server of servers) {
        const sentAt = Date.now();
        const [{ code }, kids] = await Promise.all([me(server, account.token), publishedBy(server)]);
        const answeredAt = Date.now();
        seen.push({ sentAt, answeredAt, isIn: code === undefined }, { sentAt, answeredAt, isIn: kids.includes(kid) });
      }
    }
    const end = (endsAt as Date).getTime();
    // One machine has one clock; what a request takes lies between.
    expect(seen.filter(({ isIn, sentAt }) => isIn && sentAt > end + 20)).toEqual([]);
    expect(seen.filter(({ isIn, answeredAt }) => !isIn && answeredAt < end - 100)).toEqual([]);
    expect(new Set(seen.map(({ isIn }) => isIn))).toEqual(new Set([true, false]));
  });

  it('with revokePrevious, ends every previous key in the other process within a second', async () => {
    const [a, b] = servers;
    const account = await makeAccount(at(b));
    const admin = await signIn(at(a), ADMIN_EMAIL, ADMIN_PASSWORD);
    expect((await me(b, account.token)).code).toBeUndefined();
    const { data } = await at(a).post(ROTATE, { revoke: true }, { token: admin.token });
    const { kid } = data['rotateSigningKey'];
    expect((await me(a, account.token)).code).toBe('UNAUTHENTICATED');
    const begun = performance.now();
    let last = begun;
    while ((await me(b, account.token)).code === undefined) {
      last = performance.now();
      if (last - begun > 10_000) break;
    }
    expect(last - begun).toBeLessThan(1_000);
    expect(await Promise.all(servers.map(publishedBy))).toEqual([[kid], [kid]]);
    const again = await refreshed(b, account);
    expect(kidOf(again.token)).toBe(kid);
    for (const server of servers) expect((await me(server, again.token)).code).toBeUndefined();
  });
});

describe('rotate-keys', () => {
  it('makes a new key that running processes sign with, and leaves the others valid', async () => {
    const [a, b] = servers;
    const account = await makeAccount(at(a));
    const { code, out, err } = await run('rotate-keys');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const [, kid] =
      /^The signing key is ([\w-]{43}) now; the previous one stays valid for 172800 seconds\.\n$/.exec(out) ?? [];
    expect(await publishedBy(b)).toEqual(expect.arrayContaining([kid, kidOf(account.token)]));
    for (const server of servers) expect((await me(server, account.token)).code).toBeUndefined();
    expect(kidOf((await refreshed(a, account)).token)).toBe(kid);
    const events = await database.rows(`select actor_id from audit_events where reason = $1`, [
      `from the command line; the new key is ${kid}`,
    ]);
    expect(events).toEqual([{ actor_id: null }]);
  });

  it('asks before it revokes, revokes with --yes, and prints the key as JSON', async () => {
    const [a, b] = servers;
    const account = await makeAccount(at(a));
    expect(await run('rotate-keys', '--revoke-previous')).toEqual({
      code: 2,
      out: '',
      err: '--yes: Nobody can be asked here: give --yes if you mean it.\n',
    });
    for (const server of servers) expect((await me(server, account.token)).code).toBeUndefined();
    const { code, out } = await run('rotate-keys', '--revoke-previous', '--yes', '--json');
    const key = JSON.parse(out);
    expect({ code, key }).toEqual({
      code: 0,
      key: {
        kid: expect.any(String),
        algorithm: 'EdDSA',
        isCurrent: true,
        createdAt: expect.any(String),
        expiresAt: null,
      },
    });
    for (const server of servers) expect((await me(server, account.token)).code).toBe('UNAUTHENTICATED');
    expect(await publishedBy(b)).toEqual([key.kid]);
  });
});

describe('cleanup-expired-keys', () => {
  it('removes what has expired, says how many, and leaves a report', async () => {
    const { length } = await database.rows('select 1 from signing_keys where expires_at < now()');
    expect(length).toBeGreaterThan(10);
    expect(await run('cleanup-expired-keys', '--dry-run')).toEqual({
      code: 0,
      out: `${length} keys would be cleaned up\n`,
      err: '',
    });
    expect(await run('cleanup-expired-keys', '--yes')).toEqual({
      code: 0,
      out: `Cleaned up ${length} keys\n`,
      err: '',
    });
    expect(await database.rows('select is_current from signing_keys')).toEqual([{ is_current: true }]);
    const reports = await database.rows(
      `select is_dry_run as dry, trigger, status, total, counts from purge_reports where task = 'SIGNING_KEYS' order by id`,
    );
    const told = { trigger: 'CLI', status: 'SUCCEEDED', total: length, counts: { rows: length } };
    expect(reports).toEqual([
      { dry: true, ...told },
      { dry: false, ...told },
    ]);
  });
});

describe('check', () => {
  it('counts the live signing keys by the key that they were sealed under', async () => {
    expect((await run('check')).out).toMatch(/^key [0-9a-f]{16}: 0 active batches, 1 signing keys$/m);
  });
});
