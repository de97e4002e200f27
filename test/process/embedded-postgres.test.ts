import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/database/embedded-postgres.js';

const isRoot = process.getuid?.() === 0;
const settings = { fsync: 'off' };
const log = { info: () => undefined, warn: (message: string) => warnings.push(message) };
const warnings: string[] = [];
type Cleanups = (() => Promise<unknown>)[];
const afterTest: Cleanups = [];

async function cleanUp(cleanups: Cleanups): Promise<void> {
  for (const clean of cleanups.splice(0).reverse()) await clean();
}

afterEach(async () => {
  await cleanUp(afterTest);
  warnings.length = 0;
});

/** A folder for DATA_DIR, whose parent lets every user pass. */
async function makeDataDir(cleanups: Cleanups): Promise<string> {
  const parent = await realpath(await mkdtemp(join(tmpdir(), 'sparekey-embedded-')));
  cleanups.push(() => rm(parent, { recursive: true, force: true }));
  await chmod(parent, 0o755);
  return join(parent, 'data');
}

async function start(dataDir: string, cleanups = afterTest): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, log, settings });
  cleanups.push(() => server.stop());
  return server;
}

async function ask(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<unknown[]>({ text: statement, rowMode: 'array' });
    return rows[0] ?? [];
  } finally {
    await client.end();
  }
}

async function modeOf(...path: string[]): Promise<string> {
  return ((await stat(join(...path))).mode & 0o777).toString(8);
}

async function serverPid(dataDir: string): Promise<number> {
  return Number.parseInt(await readFile(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8'), 10);
}

async function eventually(isDone: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await isDone())) {
    if (Date.now() > deadline) throw new Error('nothing happened within 10 s');
    await delay(20);
  }
}

const isStopped = (dataDir: string) => () => !existsSync(join(dataDir, 'postgres/data/postmaster.pid'));

interface Peer {
  readonly url: string;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/** Another process that uses the embedded server of the same folder, until it gets a line. */
async function startPeer(dataDir: string): Promise<Peer> {
  const program = `
    import { startEmbeddedPostgres } from ${JSON.stringify(resolve('dist/database/embedded-postgres.js'))};
    const log = { info() {}, warn() {} };
    const server = await startEmbeddedPostgres({ dataDir: process.argv[1], log, settings: { fsync: 'off' } });
    console.log(server.url);
    process.stdin.once('data', async () => { await server.stop(); process.exit(); });
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program, dataDir], {
    env: { ...process.env, RECOVERY_KEY: 'planted-secret' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  afterTest.push(async () => child.kill('SIGKILL'));
  const [url] = (await Promise.race([once(createInterface(child.stdout), 'line'), once(child, 'exit')])) as [string];
  if (child.exitCode !== null) throw new Error('the other process has ended');
  const stop = async () => {
    child.stdin.write('\n');
    await once(child, 'exit');
  };
  return { url, process: child, stop };
}

describe('a running embedded PostgreSQL', () => {
  const afterAllTests: Cleanups = [];
  let dataDir: string;
  let url: string;

  beforeAll(async () => {
    dataDir = await makeDataDir(afterAllTests);
    ({ url } = await start(dataDir, afterAllTests));
  });
  afterAll(() => cleanUp(afterAllTests));

  it('is used by a role that owns its database and is no superuser', async () => {
    const statement = `SELECT current_database(), current_user, rolsuper, rolcreatedb, rolcreaterole, rolreplication,
        pg_get_userbyid(datdba)
      FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()`;
    expect(await ask(url, statement)).toEqual(['sparekey', 'sparekey', false, false, false, false, 'sparekey']);
  });

  it('speaks UTF-8 and UTC, is durable unless told otherwise, and orders text alike on every machine', async () => {
    const statement = `SELECT current_setting('server_encoding'), current_setting('TimeZone'), lower('ÄÖ'),
        datlocprovider, datlocale, current_setting('fsync') FROM pg_database WHERE datname = current_database()`;
    expect(await ask(url, statement)).toEqual(['UTF8', 'UTC', 'äö', 'b', 'C.UTF-8', 'off']);
  });

  it('listens at a socket in DATA_DIR only', async () => {
    expect(new URL(url).searchParams.get('host')).toBe(join(dataDir, 'postgres'));
    expect(await ask(url, `SELECT current_setting('listen_addresses'), inet_server_addr()`)).toEqual(['', null]);
  });

  it.each(['wrong', 'password', 'postgres', ''])('refuses the password "%s" for either role', async (password) => {
    for (const username of ['sparekey', 'postgres']) {
      const guess = Object.assign(new URL(url), { username, password });
      await expect(ask(guess.href, 'SELECT 1')).rejects.toThrow(/password/);
    }
  });

  it('asks everyone for a SCRAM password', async () => {
    const rules = await readFile(join(dataDir, 'postgres/data/pg_hba.conf'), 'utf8');
    const methods = rules
      .split('\n')
      .filter((line) => /^\w/.test(line))
      .map((line) => line.split(/\s+/).at(-1));
    expect(methods.length).toBeGreaterThan(0);
    expect(new Set(methods)).toEqual(new Set(['scram-sha-256']));
  });

  it('keeps its folders and files from other users', async () => {
    // Run by root, the server's user may pass through DATA_DIR, and nothing else.
    expect(await modeOf(dataDir)).toBe(isRoot ? '710' : '700');
    expect(await modeOf(dataDir, 'postgres')).toBe('700');
    expect(await modeOf(dataDir, 'postgres/data')).toBe('700');
    for (const file of ['postgres.log', 'postgres/app.password', 'postgres/superuser.password']) {
      expect([file, await modeOf(dataDir, file)]).toEqual([file, '600']);
    }
    expect(await modeOf(dataDir, 'postgres/.s.PGSQL.5432')).toBe('700');
  });

  it('writes no statement that failed, nor its values, to its log', async () => {
    await expect(ask(url, `SELECT 'planted-value'::uuid`)).rejects.toThrow('planted-value');
    expect(await readFile(join(dataDir, 'postgres.log'), 'utf8')).not.toContain('planted-value');
  });
});

describe('starting the embedded PostgreSQL', () => {
  it('finds at the second start what the first one stored, by the same connection string', async () => {
    const dataDir = await makeDataDir(afterTest);
    const first = await start(dataDir);
    await ask(first.url, `CREATE TABLE kept AS SELECT 42 AS answer`);
    await first.stop();
    expect(isStopped(dataDir)()).toBe(true);
    await expect(ask(first.url, 'SELECT 1')).rejects.toThrow(/ENOENT/);

    const second = await start(dataDir);
    expect(second.url).toBe(first.url);
    expect(await ask(second.url, 'SELECT answer FROM kept')).toEqual([42]);
  });

  it('begins anew after a first start that was interrupted', async () => {
    const dataDir = await makeDataDir(afterTest);
    // No process has this id: it is above the largest that Linux gives.
    const deadPid = 4_194_305;
    await mkdir(join(dataDir, `postgres.new-${deadPid}-x/data`), { recursive: true });
    await symlink(`${deadPid}`, join(dataDir, 'postgres.maker'));
    const { url } = await start(dataDir);
    expect(await ask(url, 'SELECT 1')).toEqual([1]);
    expect((await readdir(dataDir)).sort()).toEqual(['postgres', 'postgres.log']);
  });

  it('is not held up by the lock of a dead server whose process id another program has now', async () => {
    const dataDir = await makeDataDir(afterTest);
    await (await start(dataDir)).stop();
    const lock = [process.pid, join(dataDir, 'postgres/data'), 0, 5432, join(dataDir, 'postgres'), '', ''].join('\n');
    await writeFile(join(dataDir, 'postgres/data/postmaster.pid'), lock);
    const { url } = await start(dataDir);
    expect(await ask(url, 'SELECT 1')).toEqual([1]);
  });

  it('uses a free port of 127.0.0.1 where the path is too long for a socket', async () => {
    const dataDir = join(await makeDataDir(afterTest), 'long-'.repeat(20));
    await mkdir(join(dataDir, '..'));
    const first = await start(dataDir);
    expect(new URL(first.url).searchParams.get('host')).toBe('127.0.0.1');
    expect(await ask(first.url, `SELECT current_setting('listen_addresses')`)).toEqual(['127.0.0.1']);
    const guess = Object.assign(new URL(first.url), { password: 'wrong' });
    await expect(ask(guess.href, 'SELECT 1')).rejects.toThrow(/password/);
    await first.stop();
    expect((await start(dataDir)).url).toBe(first.url);
  });

  it('tells in one line why the server cannot start', async () => {
    const dataDir = await makeDataDir(afterTest);
    const refused = startEmbeddedPostgres({ dataDir, log, settings: { ...settings, shared_buffers: 'much' } });
    await expect(refused).rejects.toThrow(
      /^the embedded PostgreSQL did not start, see \S+: .*"shared_buffers": "much"$/,
    );
  });

  (isRoot ? it : it.skip)(
    'keeps the database elsewhere where the server may not pass the parents of DATA_DIR',
    async () => {
      const dataDir = await makeDataDir(afterTest);
      await chmod(join(dataDir, '..'), 0o700);
      const first = await start(dataDir);
      const folder = await realpath(join(dataDir, 'postgres'));
      afterTest.unshift(() => rm(folder, { recursive: true }));
      expect(folder).toMatch(/^\/var\/lib\/sparekey\//);
      expect(warnings).toEqual([expect.stringContaining(folder)]);
      await ask(first.url, `CREATE TABLE kept AS SELECT 42 AS answer`);
      await first.stop();
      const second = await start(dataDir);
      expect(await ask(second.url, 'SELECT answer FROM kept')).toEqual([42]);
    },
  );
});

describe('processes with the same DATA_DIR', () => {
  it('share one server, even when both make it at once, and the last one to stop stops it', async () => {
    const dataDir = await makeDataDir(afterTest);
    const [one, other] = await Promise.all([startPeer(dataDir), startPeer(dataDir)]);
    expect(other.url).toBe(one.url);
    expect((await readdir(dataDir)).sort()).toEqual(['postgres', 'postgres.log']);
    await one.stop();
    expect(await ask(one.url, 'SELECT 1')).toEqual([1]);
    await other.stop();
    expect(isStopped(dataDir)()).toBe(true);
  });

  it('hand no variable of their environment to the server', async () => {
    if (process.platform !== 'linux') return;
    const dataDir = await makeDataDir(afterTest);
    await startPeer(dataDir);
    const environment = await readFile(`/proc/${await serverPid(dataDir)}/environ`, 'utf8');
    expect(environment).not.toContain('planted-secret');
    expect(environment).toContain('TZ=UTC');
  });

  it('leave no server behind when the one that started it is killed', async () => {
    const dataDir = await makeDataDir(afterTest);
    const peer = await startPeer(dataDir);
    peer.process.kill('SIGKILL');
    await eventually(isStopped(dataDir));
  });

  it('get the server back when it dies, or when the one that started it is killed', async () => {
    const dataDir = await makeDataDir(afterTest);
    const peer = await startPeer(dataDir);
    const server = await start(dataDir);
    const isAnswered = () => ask(server.url, 'SELECT 1').then(Boolean, () => false);
    const first = await serverPid(dataDir);
    peer.process.kill('SIGKILL');
    await eventually(async () => !(await isAnswered()));
    await eventually(isAnswered);
    const second = await serverPid(dataDir);
    expect(second).not.toBe(first);
    process.kill(second, 'SIGKILL');
    await eventually(async () => !(await isAnswered()));
    await eventually(isAnswered);
    await server.stop();
    expect(isStopped(dataDir)()).toBe(true);
  });
});
