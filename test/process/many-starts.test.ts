import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { post } from '../support/app.js';
import { adminUrl } from '../support/database.js';
import { createDatabase, dropDatabase } from '../support/postgres-cluster.js';
import { endPrograms, newDataDir, startProgram } from '../support/program.js';

const NAME = `sparekey_${randomBytes(6).toString('hex')}`;
const PROCESSES = 8;

afterEach(endPrograms);
afterAll(async () => {
  await dropDatabase(adminUrl(), NAME);
});

const passwords = (output: string) => [...output.matchAll(/^ {2}Password +(\S{43}) {3}\(shown this once\)$/gm)];

async function isAdmin(url: string, password: string): Promise<boolean> {
  const answer = await post(url, {
    query:
      'mutation($password: String!) { signIn(email: "admin@localhost", password: $password) { account { role } } }',
    variables: { password },
  });
  return answer.data?.['signIn']?.account.role === 'ADMIN';
}

describe('eight processes that start at once', () => {
  it('on one empty database apply its migrations once, make one admin and one signing key, and are all ready', async () => {
    const DATABASE_URL = await createDatabase(adminUrl(), NAME);
    const RECOVERY_KEY = randomBytes(32).toString('base64url');
    const begun = performance.now();
    const started = await Promise.all(
      Array.from({ length: PROCESSES }, () => startProgram({ DATABASE_URL, RECOVERY_KEY, DATABASE_POOL_SIZE: '2' })),
    );
    console.info(`${PROCESSES} processes ready in ${Math.round(performance.now() - begun)} ms`);
    const states = await Promise.all(
      started.map(async ({ url }) => (await (await fetch(`${url}/readyz`)).json()) as Record<string, unknown>),
    );
    expect(states).toEqual(
      started.map(() => ({ status: 'ready', database: 'up', migrations: 'applied', clockSkewMs: expect.any(Number) })),
    );

    const drawn = started.flatMap((program) => passwords(program.output()).map(([, password]) => password as string));
    expect(drawn).toHaveLength(1);
    for (const { url } of started) expect(await isAdmin(url, drawn[0] as string)).toBe(true);

    const client = new pg.Client({ connectionString: DATABASE_URL });
    await client.connect();
    const count = async (statement: string) =>
      (await client.query<{ n: number }>(`select count(*)::int as n ${statement}`)).rows[0]?.n;
    expect(await count(`from accounts where role = 'ADMIN'`)).toBe(1);
    expect(await count('from accounts')).toBe(1);
    expect(await count('from signing_keys')).toBe(1);
    expect(await count('from migrations')).toBe(await count('from (select distinct name from migrations) names'));
    expect(await count('from migrations')).toBeGreaterThan(0);
    expect(await count(`from audit_events where action = 'ACCOUNT_REGISTERED'`)).toBe(1);
    expect(
      await count(
        `from pg_locks l join pg_database d on d.oid = l.database where l.locktype = 'advisory' and d.datname = '${NAME}'`,
      ),
    ).toBe(0);
    await client.end();

    for (const program of started) program.signal('SIGTERM');
    expect(await Promise.all(started.map(({ ended }) => ended))).toEqual(started.map(() => 0));
    expect(started.map((program) => program.errors())).toEqual(started.map(() => ''));
  }, 60_000);
});

describe('several processes that start at once with nothing set', () => {
  it('share one embedded database, one key and one admin, and the last to stop stops the database', async () => {
    const DATA_DIR = await newDataDir();
    const started = await Promise.all(Array.from({ length: 3 }, () => startProgram({ DATA_DIR })));
    const drawn = started.flatMap((program) => passwords(program.output()).map(([, password]) => password as string));
    expect(drawn).toHaveLength(1);
    for (const { url } of started) expect(await isAdmin(url, drawn[0] as string)).toBe(true);
    const [first, ...others] = started;
    first?.signal('SIGTERM');
    expect(await first?.ended).toBe(0);
    for (const { url } of others) expect(await isAdmin(url, drawn[0] as string)).toBe(true);
    for (const program of others) program.signal('SIGTERM');
    expect(await Promise.all(others.map(({ ended }) => ended))).toEqual([0, 0]);
  }, 60_000);
});
