import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/database/embedded-postgres.js';
import { sweepOrphans } from '../../src/domain/cleanup/orphans.js';
import { ADMIN_EMAIL, ADMIN_PASSWORD, post } from '../support/app.js';
import { batchesOf, expectConsistent } from '../support/batch-rows.js';
import { askForRun } from '../support/cleanup.js';
import { makeBatch, makeOldBatches } from '../support/cleanup-rows.js';
import type { TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { endPrograms, newDataDir, startProgram } from '../support/program.js';
import { issueCodes, makeOwner, openRules, type Owner, type Rules } from '../support/rules.js';

const DIED = 'The process that ran it died; the next run goes on where it ended.';

type Asking = Pick<TestDatabase, 'rows'>;

interface ReportRow {
  readonly id: string;
  readonly status: string;
  readonly total: number;
  readonly codes: number;
  readonly error: string | null;
}

/** The reports of runs, as they ended. */
const reportsOf = ({ rows }: Asking) =>
  rows<ReportRow>(
    `select id, status, total, (counts->>'codes')::int as codes, error from purge_reports order by cursor, id`,
  );

const sum = (reports: readonly ReportRow[]) => reports.reduce((all, { total }) => all + total, 0);

async function codesLeft({ rows }: Asking): Promise<number> {
  const [row] = await rows<{ left: number }>(`select count(*)::int as left from recovery_codes`);
  return row?.left as number;
}

/** One word of each report waits, or waited, in the outbox, and one event tells of it. */
async function expectToldOnce({ rows }: Asking, count: number): Promise<void> {
  const words = await rows<{ id: string; n: number }>(
    `select payload->>'reportId' as id, count(*)::int as n from outbox where topic = 'purge-reported' group by 1`,
  );
  expect(words.map(({ n }) => n)).toEqual(Array.from({ length: count }, () => 1));
  expect(await rows(`select 1 from audit_events where action = 'CLEANUP_RUN'`)).toHaveLength(count);
}

describe('a process that is killed while it purges, twenty times', () => {
  const KILLS = 20;
  const [BATCHES, CODES_EACH] = [100, 30];
  const PROGRAM = `
    import { connectDatabase } from ${JSON.stringify(resolve('dist/database/connect.js'))};
    import { loadConfig } from ${JSON.stringify(resolve('dist/config/load-config.js'))};
    import { CleanupRunner } from ${JSON.stringify(resolve('dist/domain/cleanup/cleanup-runner.js'))};
    const [url, reportId, size, pause] = process.argv.slice(1);
    const { config } = loadConfig({ HOST: '127.0.0.1', PURGE_BATCH_SIZE: size, PURGE_PAUSE_MS: pause });
    const { db, close } = connectDatabase({ url, poolSize: 2 });
    const finishedJobs = { remove: async () => 0, count: async () => 0 };
    const keyRefresh = { due: async () => [], async *refreshAll() {} };
    const log = { detail() {}, fault({ error }) { console.error(error); } };
    await new CleanupRunner(db, { settings: config, finishedJobs, keyRefresh, log, ended() {} }).run(reportId);
    await close();
  `;
  let rules: Rules;
  const children = new Set<ChildProcess>();
  beforeAll(async () => {
    rules = await openRules({ MAX_ATTEMPTS: '1000' });
  });
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
  });
  afterAll(() => rules.close());

  function runIn(reportId: string, { size = '5', pause = '2' } = {}) {
    const args = ['--input-type=module', '--eval', PROGRAM, rules.database.url, reportId, size, pause];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    children.add(child);
    const ended = once(child, 'close').then(([code, signal]) => {
      children.delete(child);
      return (code ?? signal) as number | string;
    });
    return { child, ended };
  }

  const ask = () => askForRun(rules.db, { task: 'RECOVERY_CODES', retentionDays: 1 });

  /** The database has noticed: what was not committed is undone, and the locks are free. */
  const isUndone = async () =>
    (
      await rules.database.rows(
        `select 1 from pg_locks where locktype = 'advisory' and classid = 7277335
           and database = (select oid from pg_database where datname = current_database())`,
      )
    ).length === 0;

  async function killOnce(round: number): Promise<void> {
    const id = await ask();
    const { child, ended } = runIn(id);
    const until = 1 + ((round * 37) % 60);
    await eventually(async () => ((await totalOf(id)) ?? 0) >= until);
    await delay((round * 3) % 10);
    child.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
    await eventually(isUndone);
    // Half of them are found by the next run, half by a sweep.
    if (round % 2 === 0) expect(await sweepOrphans(rules.db)).toBe(1);
  }

  async function totalOf(id: string): Promise<number | undefined> {
    const [row] = await rules.database.rows<{ total: number }>('select total from purge_reports where id = $1', [id]);
    return row?.total;
  }

  it('loses no active code, and its reports add up to the rows that are gone', async () => {
    const owners = await Promise.all([1, 2, 3].map(() => makeOwner(rules)));
    const issued: { owner: Owner; codes: readonly string[] }[] = [];
    for (const owner of owners) issued.push({ owner, codes: (await issueCodes(rules, owner, 30)).codes });
    await makeOldBatches(rules.database, BATCHES, CODES_EACH);
    const used = { status: 'USED', ends: { used_at: '2020-01-01T00:00:00Z' } } as const;
    await makeBatch(rules.database, {
      expiresAt: '2020-01-01T00:30:00Z',
      codes: [used, { status: 'ACTIVE' }, { status: 'ACTIVE' }],
    });
    const ended = BATCHES * CODES_EACH + 3;

    for (let round = 0; round < KILLS; round += 1) {
      await killOnce(round);
      expect(sum(await reportsOf(rules.database))).toBe(ended + 30 - (await codesLeft(rules.database)));
    }
    // The kills met a run in its middle each time, or they would prove nothing.
    expect(await codesLeft(rules.database)).toBeGreaterThan(30);
    expect(await runIn(await ask(), { size: '500', pause: '0' }).ended).toBe(0);

    const reports = await reportsOf(rules.database);
    expect(reports.map(({ status }) => status)).toEqual([
      ...Array.from({ length: KILLS }, () => 'INTERRUPTED'),
      'SUCCEEDED',
    ]);
    for (const { total, codes } of reports) expect([total > 0, codes]).toEqual([true, total]);
    expect(new Set(reports.slice(0, KILLS).map(({ error }) => error))).toEqual(new Set([DIED]));
    expect(sum(reports)).toBe(ended);
    expect(await codesLeft(rules.database)).toBe(30);
    expect(await sweepOrphans(rules.db)).toBe(0);
    const purged = await rules.database.rows(
      `select count(*)::int as batches, sum(purged_count)::int as codes from recovery_code_batches where status = 'PURGED'`,
    );
    expect(purged).toEqual([{ batches: BATCHES + 1, codes: ended }]);
    await expectToldOnce(rules.database, KILLS + 1);
    for (const { owner, codes } of issued) {
      expectConsistent(await batchesOf(rules.database, owner.id));
      for (const code of codes) {
        const { outcome } = await rules.services.recoveryCodes.verify(owner.viewer, owner.origin, code);
        expect(outcome).toBe('ACCEPTED');
      }
    }
  }, 90_000);
});

describe('a database that is restarted while a server purges', () => {
  afterAll(() => endPrograms());

  it('leaves a run that tells the truth, and a server that goes on', async () => {
    const DATA_DIR = await newDataDir();
    const server = await startProgram({
      DATA_DIR,
      ADMIN_PASSWORD,
      RECOVERY_KEY: randomBytes(32).toString('base64url'),
      PURGE_BATCH_SIZE: '5',
      PURGE_PAUSE_MS: '5',
    });
    const joined = await startEmbeddedPostgres({ dataDir: DATA_DIR, log: { info() {}, warn() {} } });
    const pool = new pg.Pool({ connectionString: joined.url, max: 2 });
    pool.on('error', () => undefined);
    const database: Asking = {
      rows: async <T>(text: string, values?: unknown[]) => (await pool.query(text, values)).rows as T[],
    };
    const isUp = () =>
      pool.query('select 1').then(
        () => true,
        () => false,
      );
    const ended = 60 * 50;
    try {
      await makeOldBatches(database, 60, 50);
      await makeBatch(database, { codes: [{ status: 'ACTIVE' }, { status: 'ACTIVE' }] });
      const signedIn = await post(server.url, {
        query: 'mutation($e: String!, $p: String!) { signIn(email: $e, password: $p) { accessToken } }',
        variables: { e: ADMIN_EMAIL, p: ADMIN_PASSWORD },
      });
      const token = signedIn.data['signIn'].accessToken as string;
      const runCleanup = () =>
        post(server.url, {
          query: 'mutation { runCleanup(input: { task: RECOVERY_CODES, retentionDays: 1 }) { id status total } }',
          token,
        });

      // Stopped in good order, stopped at once, and crashed.
      for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
        const before = (await reportsOf(database)).length;
        const answer = runCleanup();
        await eventually(async () => ((await reportsOf(database))[before]?.total ?? 0) > 0);
        const postmaster = Number.parseInt(await readFile(join(DATA_DIR, 'postgres/data/postmaster.pid'), 'utf8'), 10);
        process.kill(postmaster, signal);
        await answer;
        await eventually(async () => (await fetch(`${server.url}/readyz`)).ok && (await isUp()), 30_000);
        const all = await reportsOf(database);
        expect(sum(all)).toBe(ended + 2 - (await codesLeft(database)));
        expect(await codesLeft(database)).toBeGreaterThan(2);
        expect(all.map(({ status }) => status)).not.toContain('SUCCEEDED');
      }

      let last = await runCleanup();
      await eventually(async () => {
        const isBegun = ['SUCCEEDED', 'RUNNING'].includes(last.data?.['runCleanup']?.status);
        if (!isBegun) last = await runCleanup();
        return isBegun;
      }, 20_000);
      await eventually(async () => (await codesLeft(database)) === 2, 20_000);
      const isOver = async () =>
        (await reportsOf(database)).every(({ status }) => !['RUNNING', 'QUEUED'].includes(status));
      await eventually(isOver);
      const reports = await reportsOf(database);
      expect(sum(reports)).toBe(ended);
      expect(reports.filter(({ status }) => status === 'INTERRUPTED').length).toBeGreaterThanOrEqual(3);
      expect(reports.map(({ error }) => error)).toContain(DIED);
      expect(reports.at(-1)).toMatchObject({ status: 'SUCCEEDED', error: null });
      expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
      expect(server.errors()).toBe('');
    } finally {
      await pool.end();
      await joined.stop();
    }
  }, 90_000);
});
