import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { makeDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { endPrograms, READY, runProgram } from '../support/program.js';

const MIGRATION_LOCK = 7_277_333;

let database: TestDatabase;

beforeAll(async () => {
  database = await makeDatabase();
});
afterEach(endPrograms);
afterAll(async () => {
  await database.drop();
});

describe('a server told to stop while it waits for the migrations of another', () => {
  async function whileMigrating(use: (release: () => Promise<void>) => Promise<void>): Promise<void> {
    const holder = new pg.Client({ connectionString: database.url });
    holder.on('error', () => undefined);
    await holder.connect();
    try {
      await holder.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
      await use(async () => void (await holder.query('select pg_advisory_unlock($1)', [MIGRATION_LOCK])));
    } finally {
      await holder.end();
    }
  }

  async function waiting(): Promise<number> {
    const rows = await database.rows(
      `select 1 from pg_locks where locktype = 'advisory' and not granted
        and database = (select oid from pg_database where datname = current_database())`,
    );
    return rows.length;
  }

  async function startWaiting() {
    const program = await runProgram({ DATABASE_URL: database.url });
    await eventually(async () => (await waiting()) === 1, 20_000);
    return program;
  }

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'ends with 0 in time at a %s, and never says that it is ready',
    async (name) => {
      await whileMigrating(async () => {
        const program = await startWaiting();
        const begun = performance.now();
        program.signal(name);
        expect(await program.ended).toBe(0);
        expect(performance.now() - begun).toBeLessThan(10_000);
        expect(program.output()).not.toMatch(READY);
        expect(program.errors()).toBe('');
      });
      // Its place in the queue is given up only when its turn comes.
      await eventually(async () => (await waiting()) === 0);
    },
  );

  it('closes what it opened once the lock is free, and does not start to serve', async () => {
    await whileMigrating(async (release) => {
      const program = await startWaiting();
      program.signal('SIGTERM');
      await release();
      expect(await program.ended).toBe(0);
      expect(program.output()).not.toMatch(READY);
      expect(program.errors()).toBe('');
      expect(await database.rows('select 1 from accounts')).toEqual([]);
    });
  });

  it('ends at once at a second signal', async () => {
    await whileMigrating(async () => {
      const program = await startWaiting();
      program.signal('SIGTERM');
      program.signal('SIGINT');
      expect(await program.ended).toBe(130);
    });
    await eventually(async () => (await waiting()) === 0);
  });
});
