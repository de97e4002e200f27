import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { taskNames, type TaskName, taskOf } from '../../src/domain/cleanup/registry.js';
import type { Report } from '../../src/domain/cleanup/report.js';
import { PostgresJobs } from '../../src/jobs/postgres-backend.js';
import { cleanUp, type RunWish } from '../support/cleanup.js';
import { emptyTables, makeBatch, makeOldBatches, makers, purgeableRows } from '../support/cleanup-rows.js';
import { openRules, type Rules } from '../support/rules.js';
import { statementsOf } from '../support/statements.js';

const OLD = '2020-01-01T00:00:00Z';

let rules: Rules;
beforeAll(async () => {
  rules = await openRules();
});
afterAll(() => rules.close());
beforeEach(() => emptyTables(rules.database));

const codes = async () =>
  await rules.database.rows<{ id: string }>('select id from recovery_codes order by ended_at, id');

const purge = (wish: Partial<RunWish> = {}) => cleanUp(rules, { task: 'RECOVERY_CODES', retentionDays: 1, ...wish });

/** Three batches of four codes: twelve rows, none as old as another. */
const ELIGIBLE = 12;
const capped = { status: 'PARTIAL', isCapped: true } as const;
const whole = { status: 'SUCCEEDED', isCapped: false } as const;

describe('the cap of a run', () => {
  it.each([
    { cap: 1, size: 5, chunks: 1, batches: 0, ending: capped, is: 'smaller than a chunk' },
    { cap: 5, size: 5, chunks: 1, batches: 1, ending: capped, is: 'equal to a chunk' },
    { cap: 7, size: 5, chunks: 2, batches: 1, ending: capped, is: 'larger than a chunk, into the second batch' },
    { cap: 8, size: 4, chunks: 2, batches: 2, ending: capped, is: 'two whole batches' },
    { cap: 11, size: 500, chunks: 1, batches: 2, ending: capped, is: 'one less than there are' },
    { cap: 12, size: 500, chunks: 1, batches: 3, ending: whole, is: 'what there is' },
    { cap: 12, size: 4, chunks: 3, batches: 3, ending: whole, is: 'what there is, in whole chunks' },
    { cap: 13, size: 5, chunks: 3, batches: 3, ending: whole, is: 'more than there is' },
    { cap: null, size: 1, chunks: 13, batches: 3, ending: whole, is: 'absent' },
  ])('of $cap with chunks of $size ($is) is exact, takes the oldest first, and is told as it is', async (each) => {
    await makeOldBatches(rules.database, 3, 4);
    const before = await codes();
    const total = Math.min(each.cap ?? ELIGIBLE, ELIGIBLE);
    const wish = { maxDeletions: each.cap, settings: { PURGE_BATCH_SIZE: String(each.size) } };
    const expected = { ...each.ending, total, counts: { codes: total, batches: each.batches }, error: null };

    expect(await purge({ ...wish, isDryRun: true })).toMatchObject(expected);
    expect(await codes()).toEqual(before);
    let report: Report | undefined;
    const statements = await statementsOf(rules.database.pool, async () => void (report = await purge(wish)));
    expect(report).toMatchObject({ ...expected, eligible: ELIGIBLE });
    expect(await codes()).toEqual(before.slice(total));
    expect(statements.filter((text) => /delete from recovery_codes/.test(text))).toHaveLength(each.chunks);
  });

  it('is one for the whole run, however often it repeats: what is left goes in the next one', async () => {
    await makeOldBatches(rules.database, 3, 4);
    const totals: number[] = [];
    for (let run = 0; run < 4; run += 1) totals.push((await purge({ maxDeletions: 5 })).total);
    expect(totals).toEqual([5, 5, 2, 0]);
  });
});

describe('chunks', () => {
  it('are one short transaction each, with what they add to the report', async () => {
    await makeOldBatches(rules.database, 1, 10);
    await rules.database.rows(`create table seen (at xid8 default pg_current_xact_id(), what text)`);
    await rules.database.rows(`create function see() returns trigger language plpgsql as $$
      begin insert into seen (what) values (tg_table_name); return null; end $$`);
    for (const [table, event] of [
      ['recovery_codes', 'delete'],
      ['purge_reports', 'update'],
    ] as const) {
      await rules.database.rows(
        `create trigger see after ${event} on ${table} for each statement execute function see()`,
      );
    }
    try {
      await purge({ settings: { PURGE_BATCH_SIZE: '4' } });
      const seen = await rules.database.rows<{ what: string }>(
        `select string_agg(what, '+' order by what) as what from seen group by at order by at`,
      );
      expect(seen.map(({ what }) => what)).toEqual([
        'purge_reports',
        ...Array.from({ length: 3 }, () => 'purge_reports+recovery_codes'),
        // Marking what earlier runs left empty finds nothing, and is noted all the same.
        'purge_reports',
        'purge_reports',
      ]);
    } finally {
      await rules.database.rows('drop function see cascade');
      await rules.database.rows('drop table seen');
    }
  });
});

/** Six rows of each kind that a task removes, all of different age. */
async function fill(task: TaskName): Promise<number> {
  const kinds = purgeableRows(rules.database).filter((row) => row.task === task);
  for (const row of kinds) {
    for (let n = 0; n < 6; n += 1) await row.make(`2020-01-01T00:00:0${n}Z`);
  }
  return kinds.length * 6;
}

const settings = { AUDIT_AUTO_CLEANUP: 'true', BATCH_HISTORY_RETENTION_DAYS: '30', PURGE_BATCH_SIZE: '4' };

describe('a dry run', () => {
  const removing = taskNames.filter((task) => taskOf(task).chore === undefined);

  it.each(removing)('of %s tells what the real one then does, under every cap', async (task) => {
    const { finishedJobs } = new PostgresJobs(rules.db, rules.database.pool);
    const told = ({ status, counts, total, isCapped, error }: Report) => ({ status, counts, total, isCapped, error });
    const isCapped: boolean[] = [];
    for (const cap of [1, 3, 4, 5, 6, 7, 12, 1000, null]) {
      await emptyTables(rules.database);
      const rows = await fill(task);
      const wish = { task, maxDeletions: cap, settings, finishedJobs };
      const dry = await cleanUp(rules, { ...wish, isDryRun: true });
      const real = await cleanUp(rules, wish);
      expect({ cap, ...told(dry) }).toEqual({ cap, ...told(real) });
      expect(real.total).toBe(Math.min(cap ?? rows, rows));
      expect(real.isCapped).toBe(real.status === 'PARTIAL');
      isCapped.push(real.isCapped);
    }
    expect(new Set(isCapped)).toEqual(new Set([true, false]));
  });

  it.each([
    { emptied: 2, ended: 4, cap: 4, ending: whole, batches: 3 },
    { emptied: 2, ended: 4, cap: 3, ending: capped, batches: 0 },
    { emptied: 3, ended: 0, cap: 1, ending: whole, batches: 3 },
    { emptied: 7, ended: 1, cap: 2, ending: whole, batches: 8 },
  ])(
    'agrees where batches were left empty before: $emptied of them, $ended codes, cap $cap',
    async ({ emptied, ended, cap, ending, batches }) => {
      await makeOldBatches(rules.database, emptied, 1);
      await purge({ deleteEmptyBatches: false });
      if (ended > 0) await makeOldBatches(rules.database, 1, ended);
      const wish = { maxDeletions: cap, settings };
      const expected = { ...ending, total: Math.min(cap, ended), counts: { batches } };
      expect(await purge({ ...wish, isDryRun: true })).toMatchObject(expected);
      // Batches that only change their status are no removed rows: the cap does not hold for them.
      expect(await purge(wish)).toMatchObject(expected);
    },
  );
});

describe('a dry run with a cap', () => {
  it('counts the batches that the oldest codes leave empty, not others', async () => {
    await makeOldBatches(rules.database, 1, 2);
    const lapsed = { status: 'SUPERSEDED', ends: { superseded_at: '2021-01-01T00:00:00Z' } } as const;
    await makeBatch(rules.database, { codes: Array.from({ length: 9 }, () => lapsed) });
    const expected = { ...capped, total: 2, counts: { codes: 2, batches: 1 } };
    expect(await purge({ maxDeletions: 2, isDryRun: true })).toMatchObject(expected);
    expect(await purge({ maxDeletions: 2 })).toMatchObject(expected);
  });
});

describe('PURGE_REPORTS', () => {
  it('takes what a report says of batches first, however much it is, and does not count it', async () => {
    const id = await makers(rules.database).report(OLD);
    await rules.database.rows(
      `insert into purge_report_batches select $1, gen_random_uuid(), null, 1, 0, 1, 0, true from generate_series(1, 11)`,
      [id],
    );
    const kept = await makers(rules.database).report('2100-01-01');
    await rules.database.rows(
      `insert into purge_report_batches select $1, gen_random_uuid(), null, 1, 0, 1, 0, true from generate_series(1, 3)`,
      [kept],
    );
    const report = await cleanUp(rules, { task: 'PURGE_REPORTS', settings: { PURGE_BATCH_SIZE: '4' } });
    expect(report).toMatchObject({ status: 'SUCCEEDED', total: 1, counts: { rows: 1 } });
    const left = await rules.database.rows('select report_id, count(*)::int from purge_report_batches group by 1');
    expect(left).toEqual([{ report_id: kept, count: 3 }]);
  });
});

describe('RATE_LIMITS', () => {
  it('finds the idle rows among any number of busy ones, up to the cap exactly', async () => {
    await rules.database.rows(
      `insert into rate_limits (key, updated_at)
       select sha256(n::text::bytea), case when n % 50 = 0 then timestamptz '2020-01-01' else now() end
       from generate_series(1, 2000) n`,
    );
    const run = (maxDeletions: number | null) =>
      cleanUp(rules, { task: 'RATE_LIMITS', maxDeletions, settings: { PURGE_BATCH_SIZE: '3' } });
    expect(await run(7)).toMatchObject({ ...capped, total: 7 });
    expect(await run(33)).toMatchObject({ ...whole, total: 33 });
    expect(await run(null)).toMatchObject({ ...whole, total: 0 });
    expect(await rules.database.rows('select count(*)::int as count from rate_limits')).toEqual([{ count: 1960 }]);
  });
});

describe('one task with two kinds of rows', () => {
  it('does not call itself whole where an earlier kind had rows in use and a later one met the cap', async () => {
    const make = makers(rules.database);
    const held = await make.refreshToken(OLD);
    await make.session({ expires_at: OLD });
    const client = await rules.database.pool.connect();
    try {
      await client.query('begin');
      await client.query('select 1 from refresh_tokens where id = $1 for update', [held]);
      expect(await cleanUp(rules, { task: 'SESSIONS', maxDeletions: 1 })).toMatchObject({
        status: 'PARTIAL',
        total: 1,
      });
    } finally {
      await client.query('rollback');
      client.release();
    }
  });
});
