import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { RunLog } from '../../src/domain/cleanup/cleanup-runner.js';
import { sweepOrphans } from '../../src/domain/cleanup/orphans.js';
import { findReport, reportsEndedAfter } from '../../src/domain/cleanup/read-reports.js';
import { endReport, endReportWithin, insertReport } from '../../src/domain/cleanup/report-rows.js';
import type { Report } from '../../src/domain/cleanup/report.js';
import { isDatabaseAway } from '../../src/domain/database-away.js';
import { askForRun, runnerOn, type RunWish } from '../support/cleanup.js';
import { emptyTables, makeOldBatches } from '../support/cleanup-rows.js';
import { eventually } from '../support/eventually.js';
import { makeRun } from '../support/reports.js';
import { makeOwner, openRules, type Rules } from '../support/rules.js';

const BUSY = 'Another run of this task was in progress.';
const STOPPED = 'The server was stopped; the next run goes on where it ended.';
const DIED = 'The process that ran it died; the next run goes on where it ended.';
const slow = { PURGE_BATCH_SIZE: '2', PURGE_PAUSE_MS: '20' };

let rules: Rules;
/** The same database, as another process has it. */
let others: Rules;
beforeAll(async () => {
  rules = await openRules();
  others = rules.with({});
});
afterAll(() => rules.close());
beforeEach(() => emptyTables(rules.database));

const codesLeft = async () => (await rules.database.rows('select 1 from recovery_codes')).length;
const ask = (wish: Partial<RunWish> = {}) => askForRun(rules.db, { task: 'RECOVERY_CODES', retentionDays: 1, ...wish });
const reportOf = async (id: string) => (await findReport(rules.db, id)) as Report;
const total = async (id: string) => (await reportOf(id)).total;

/** How often the run of a report was told in the audit, and to whoever waits for reports. */
async function told(id: string): Promise<unknown> {
  const [row] = await rules.database.rows(
    `select (select count(*)::int from outbox where topic = 'purge-reported' and payload->>'reportId' = $1) as word,
       (select count(*)::int from audit_events where action = 'CLEANUP_RUN' and reason not like '%: cancelling was asked for') as events`,
    [id],
  );
  return row;
}

/** A run of a hundred codes that has begun and takes a second. */
async function underWay(wish: Partial<RunWish> = {}) {
  await makeOldBatches(rules.database, 10, 10);
  const id = await ask(wish);
  const runner = runnerOn(rules.db, { settings: slow });
  const run = runner.run(id);
  run.catch(() => undefined);
  await eventually(async () => (await total(id)) >= 4);
  return { id, run, runner };
}

describe('two workers', () => {
  it('given one report, run it once', async () => {
    await makeOldBatches(rules.database, 20, 10);
    const id = await ask();
    const runners = [rules, others, rules, others].map(({ db }) =>
      runnerOn(db, { settings: { PURGE_BATCH_SIZE: '7' } }),
    );
    await Promise.all(runners.map((runner) => runner.run(id)));
    expect(await reportOf(id)).toMatchObject({ status: 'SUCCEEDED', total: 200, counts: { codes: 200, batches: 20 } });
    await runnerOn(others.db).run(id);
    expect(await told(id)).toEqual({ word: 1, events: 1 });
    expect(await rules.database.rows('select sum(purged_count)::int as n from recovery_code_batches')).toEqual([
      { n: 200 },
    ]);
  });

  it('given a report each of one task, skip the second, and remove nothing twice', async () => {
    const { id, run } = await underWay();
    const second = await ask();
    await runnerOn(others.db).run(second);
    expect(await reportOf(second)).toMatchObject({ status: 'SKIPPED', error: BUSY, total: 0, counts: {} });
    expect(await codesLeft()).toBeGreaterThan(0);
    await run;
    expect(await reportOf(id)).toMatchObject({ status: 'SUCCEEDED', total: 100 });
    expect(await codesLeft()).toBe(0);
  });

  it('run two tasks beside one another', async () => {
    const { id, run } = await underWay();
    const other = await ask({ task: 'OUTBOX', retentionDays: null });
    await runnerOn(others.db).run(other);
    expect(await reportOf(other)).toMatchObject({ status: 'SUCCEEDED' });
    expect(await reportOf(id)).toMatchObject({ status: 'RUNNING' });
    await run;
  });

  it('write one report for one due time of a schedule, and one for each of two', async () => {
    const schedule = { id: randomUUID(), name: 'Nightly', dueAt: new Date('2026-01-01T03:00:00Z') };
    const wish = { ...(await wishOf()), trigger: 'SCHEDULE' } as const;
    const insert = (dueAt: Date | undefined, { db }: Rules) =>
      insertReport(db, { ...wish, schedule: { ...schedule, dueAt } });
    const ids = await Promise.all(
      Array.from({ length: 10 }, (_, n) => insert(schedule.dueAt, n % 2 === 0 ? rules : others)),
    );
    expect(ids.filter((id) => id !== undefined)).toHaveLength(1);
    expect(await insert(new Date('2026-01-02T03:00:00Z'), rules)).toBeDefined();
    // Run by hand, it has no due time, and any number of reports.
    expect(await insert(undefined, rules)).toBeDefined();
    expect(await insert(undefined, rules)).toBeDefined();
    expect(await rules.database.rows('select 1 from purge_reports')).toHaveLength(4);
  });
});

async function wishOf() {
  return {
    task: 'OUTBOX',
    retentionDays: null,
    maxDeletions: null,
    deleteEmptyBatches: true,
    isDryRun: false,
    useLogger: false,
    emailReport: 'NEVER',
  } as const;
}

describe('cancelling', () => {
  it('ends a run that waits at once: nobody begins it', async () => {
    await makeOldBatches(rules.database, 1, 10);
    const { viewer, origin } = await makeOwner(rules, { role: 'ADMIN' });
    const id = await ask();
    expect(await rules.services.cleanup.cancel(viewer, origin, id)).toMatchObject({ status: 'CANCELLED', total: 0 });
    await runnerOn(rules.db).run(id);
    expect(await reportOf(id)).toMatchObject({ status: 'CANCELLED', total: 0, cursor: expect.any(String) });
    expect(await codesLeft()).toBe(10);
    expect(await told(id)).toEqual({ word: 1, events: 1 });
  });

  it('ends a run after the chunk that it is at, with true counts; one that has ended stays so', async () => {
    const { viewer, origin } = await makeOwner(rules, { role: 'ADMIN' });
    const { id, run } = await underWay();
    const cancelled = await others.services.cleanup.cancel(viewer, origin, id);
    expect(cancelled).toMatchObject({ status: 'CANCELLED', isCapped: false });
    await run;
    expect(cancelled.total).toBe(100 - (await codesLeft()));
    expect(await codesLeft()).toBeGreaterThan(0);
    expect(await rules.services.cleanup.cancel(viewer, origin, id)).toEqual(cancelled);
    expect(await told(id)).toEqual({ word: 1, events: 1 });
  });

  it('that was asked for before it began removes no row', async () => {
    await makeOldBatches(rules.database, 1, 10);
    const id = await ask();
    await rules.database.rows('update purge_reports set cancel_requested_at = now()');
    await runnerOn(rules.db).run(id);
    expect(await reportOf(id)).toMatchObject({ status: 'CANCELLED', total: 0 });
    expect(await codesLeft()).toBe(10);
  });
});

describe('stopping', () => {
  it('interrupts a run after its chunk, with true counts; the next run completes', async () => {
    const { id, run, runner } = await underWay();
    runner.stop();
    const asked = performance.now();
    await run;
    expect(performance.now() - asked).toBeLessThan(1_000);
    const stopped = await reportOf(id);
    expect(stopped).toMatchObject({ status: 'INTERRUPTED', error: STOPPED, isCapped: false });
    expect(stopped.total).toBe(100 - (await codesLeft()));
    expect(stopped.total).toBeLessThan(100);
    const next = await ask();
    await runnerOn(others.db).run(next);
    expect(await reportOf(next)).toMatchObject({ status: 'SUCCEEDED', total: 100 - stopped.total });
    expect(await codesLeft()).toBe(0);
  });

  it('begins nothing more: what waits is left to others', async () => {
    const id = await ask();
    const runner = runnerOn(rules.db);
    runner.stop();
    await runner.run(id);
    expect(await reportOf(id)).toMatchObject({ status: 'QUEUED' });
    await runnerOn(others.db).run(id);
    expect(await reportOf(id)).toMatchObject({ status: 'SUCCEEDED' });
  });
});

/** Ends the connection that holds the lock of a run. */
async function killHolder(): Promise<void> {
  const killed = await rules.database.rows(
    `select pg_terminate_backend(pid) as is_killed from pg_locks
     where locktype = 'advisory' and classid = 7277335 and objsubid = 2 and granted
       and database = (select oid from pg_database where datname = current_database())`,
  );
  expect(killed).toEqual([{ is_killed: true }]);
}

const isUnlocked = async () =>
  (
    await rules.database.rows(
      `select 1 from pg_locks where locktype = 'advisory' and classid = 7277335
         and database = (select oid from pg_database where datname = current_database())`,
    )
  ).length === 0;

describe('a run whose connection is gone', () => {
  const sweep = () => sweepOrphans(others.db);
  const nextRun = async () => {
    const id = await ask();
    await runnerOn(others.db).run(id);
    return (await reportOf(id)).status === 'SUCCEEDED' ? 1 : 0;
  };
  const chunk = 'create trigger slow before delete on recovery_codes for each statement execute function slow()';
  it.each([
    ['between chunks', 'a sweep', '', sweep],
    ['between chunks', 'the next run', '', nextRun],
    ['within a chunk', 'a sweep', chunk, sweep],
    ['within a chunk', 'the next run', chunk, nextRun],
  ])('%s becomes INTERRUPTED by %s, once, with true counts', async (_, _by, trigger, find) => {
    if (trigger !== '') {
      await rules.database.rows(
        `create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.15); return null; end $$`,
      );
      await rules.database.rows(trigger);
    }
    try {
      const { id, run } = await underWay();
      await killHolder();
      expect(isDatabaseAway(await run.catch((error: unknown) => error))).toBe(true);
      await eventually(isUnlocked);
      expect(await reportOf(id)).toMatchObject({ status: 'RUNNING', cursor: null });
      const gone = 100 - (await codesLeft());
      expect(await find()).toBe(1);
      const report = await reportOf(id);
      expect(report).toMatchObject({ status: 'INTERRUPTED', error: DIED, total: gone, cursor: expect.any(String) });
      expect(report.counts['codes']).toBe(gone);
      expect(gone).toBeLessThan(100);
      expect(await told(id)).toEqual({ word: 1, events: find === sweep ? 1 : 2 });
      expect(await sweepOrphans(rules.db)).toBe(0);
    } finally {
      await rules.database.rows('drop function if exists slow cascade');
    }
  });

  it('is left alone by a sweep as long as it lives', async () => {
    const { id, run } = await underWay();
    expect(await sweepOrphans(others.db)).toBe(0);
    expect(await reportOf(id)).toMatchObject({ status: 'RUNNING' });
    await run;
    expect(await reportOf(id)).toMatchObject({ status: 'SUCCEEDED', total: 100 });
  });

  it('leaves no lock behind', async () => {
    const { run, runner } = await underWay();
    runner.stop();
    await run;
    expect(await isUnlocked()).toBe(true);
  });
});

describe('the cursors of reports', () => {
  it('become visible in their order, however many runs end at once', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => makeRun(rules.database)));
    let [isOver, last] = [false, '0'];
    const seen: string[] = [];
    const reading = (async () => {
      for (let isLast = false; !isLast; isLast = isOver) {
        const more = await reportsEndedAfter(others.db, last, { limit: 100 });
        seen.push(...more.map(({ id }) => id));
        last = more.at(-1)?.cursor ?? last;
      }
      const more = await reportsEndedAfter(others.db, last, { limit: 100 });
      seen.push(...more.map(({ id }) => id));
    })();
    await Promise.all(
      ids.map(async (id, n) => {
        const { db } = n % 2 === 0 ? rules : others;
        if (n % 3 === 0) return await endReport(db, id, { status: 'SUCCEEDED' });
        return await db.transaction().execute(async (tx) => {
          await endReportWithin(tx, id, { status: 'SUCCEEDED' });
          await delay((n * 7) % 20);
        });
      }),
    );
    isOver = true;
    await reading;
    // A cursor that became visible behind a later one would have been missed.
    expect(seen.toSorted()).toEqual(ids.toSorted());
    expect(new Set((await reportsEndedAfter(rules.db, '0', { limit: 100 })).map(({ cursor }) => cursor)).size).toBe(20);
  });
});

describe('progress', () => {
  it('is signalled a few times a second, however small the chunks', async () => {
    const listener = new pg.Client({ connectionString: rules.database.url });
    await listener.connect();
    const heard: string[] = [];
    listener.on('notification', ({ payload }) => heard.push(payload as string));
    await listener.query('listen sparekey_purge_progressed');
    try {
      const began = performance.now();
      const { id, run } = await underWay();
      await run;
      const seconds = (performance.now() - began) / 1000;
      await listener.query('select 1');
      expect(new Set(heard)).toEqual(new Set([id]));
      expect(heard.length).toBeGreaterThanOrEqual(3);
      expect(heard.length).toBeLessThanOrEqual(seconds / 0.3 + 1);
    } finally {
      await listener.end();
    }
  });
});

describe('useLogger', () => {
  it.each([true, false])('%p: whether each step of a run is logged', async (useLogger) => {
    await makeOldBatches(rules.database, 1, 5);
    const lines: Readonly<Record<string, unknown>>[] = [];
    const log: RunLog = { detail: (line) => void lines.push(line), fault: () => undefined };
    const id = await ask({ useLogger });
    await runnerOn(rules.db, { settings: { PURGE_BATCH_SIZE: '2' }, log }).run(id);
    expect(lines.map(({ event, reportId, task }) => [event, reportId, task])).toEqual(
      (useLogger ? ['began', 'chunk', 'chunk', 'chunk', 'chunk', 'ended'] : []).map((event) => [
        event,
        id,
        'RECOVERY_CODES',
      ]),
    );
    if (!useLogger) return;
    expect(lines[0]).toMatchObject({ eligible: 5, cutoff: expect.any(String) });
    expect(lines.slice(1, 4)).toMatchObject([2, 2, 1].map((removed) => ({ removed, ms: expect.any(Number) })));
    expect(lines.at(-1)).toMatchObject({
      status: 'SUCCEEDED',
      total: 5,
      counts: { codes: 5, batches: 1 },
      isCapped: false,
    });
  });
});
