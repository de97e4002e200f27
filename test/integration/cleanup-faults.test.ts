import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RunLog } from '../../src/domain/cleanup/cleanup-runner.js';
import { findReport } from '../../src/domain/cleanup/read-reports.js';
import type { Report } from '../../src/domain/cleanup/report.js';
import { Tally } from '../../src/domain/cleanup/tally.js';
import { JobsUnavailableError } from '../../src/domain/errors.js';
import { askForRun, runnerOn, type RunWish } from '../support/cleanup.js';
import { emptyTables, makeOldBatches } from '../support/cleanup-rows.js';
import { makeRun } from '../support/reports.js';
import { openRules, type Rules } from '../support/rules.js';

const PHRASE = /^It failed on the way; the log has more under error ([0-9a-f-]{36})\.$/;

let rules: Rules;
beforeAll(async () => {
  rules = await openRules();
});
afterAll(() => rules.close());
beforeEach(() => emptyTables(rules.database));

/** Runs a cleanup to its end; tells what it told the log of faults, too. */
async function failing(wish: RunWish): Promise<{ report: Report; faults: Parameters<RunLog['fault']>[0][] }> {
  const faults: Parameters<RunLog['fault']>[0][] = [];
  const log: RunLog = { detail: () => undefined, fault: (fault) => void faults.push(fault) };
  const id = await askForRun(rules.db, wish);
  await runnerOn(rules.db, { ...wish, log }).run(id);
  return { report: (await findReport(rules.db, id)) as Report, faults };
}

describe('an error in a chunk', () => {
  const wish = { task: 'RECOVERY_CODES', retentionDays: 1, settings: { PURGE_BATCH_SIZE: '4' } } as const;

  it.each([
    [1, 'FAILED', 0],
    [4, 'FAILED', 0],
    [5, 'PARTIAL', 4],
    [10, 'PARTIAL', 8],
  ])('at the row %i ends the run as %s after %i rows, and tells no more than an id', async (row, status, total) => {
    await makeOldBatches(rules.database, 1, 10);
    await rules.database.rows(
      `create function refuse() returns trigger language plpgsql as $$ begin
         if old.position = ${row} then raise exception 'row % of db.internal by role sparekey', old.id; end if;
         return old; end $$`,
    );
    await rules.database.rows(
      'create trigger refuse before delete on recovery_codes for each row execute function refuse()',
    );
    try {
      const { report, faults } = await failing(wish);
      expect(report).toMatchObject({ status, total, isCapped: false, counts: { codes: total, batches: 0 } });
      expect(await rules.database.rows('select 1 from recovery_codes')).toHaveLength(10 - total);
      expect(faults).toMatchObject([{ reportId: report.id, errorId: PHRASE.exec(report.error as string)?.[1] }]);
      expect(String(faults[0]?.error)).toContain('db.internal');
      const stored = JSON.stringify(await rules.database.rows('select * from purge_reports, outbox, audit_events'));
      expect(stored).toContain(report.id);
      expect(stored).not.toMatch(/db\.internal|role sparekey/);
    } finally {
      await rules.database.rows('drop function refuse cascade');
    }
    // The next run goes on.
    expect((await failing(wish)).report).toMatchObject({ status: 'SUCCEEDED', total: 10 - total, error: null });
  });

  it('before the first one, and in a dry run, is a failure as well', async () => {
    await rules.database.rows('alter table email_log rename to email_log_away');
    try {
      for (const isDryRun of [true, false]) {
        const { report, faults } = await failing({ task: 'EMAIL_LOG', isDryRun });
        expect(report).toMatchObject({ status: 'FAILED', total: 0, error: expect.stringMatching(PHRASE) });
        expect(faults).toHaveLength(1);
      }
    } finally {
      await rules.database.rows('alter table email_log_away rename to email_log');
    }
  });
});

describe('a job store that is away', () => {
  it('fails the cleanup of jobs, which is told at once: the database is there', async () => {
    const cause = new Error('connect', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) });
    const away = () => Promise.reject(new JobsUnavailableError({ cause }));
    const { report, faults } = await failing({ task: 'JOBS', finishedJobs: { remove: away, count: away } });
    expect(report).toMatchObject({ status: 'FAILED', total: 0, error: expect.stringMatching(PHRASE) });
    expect(faults).toHaveLength(1);
  });
});

describe('a word of progress that cannot be given', () => {
  it('takes back nothing of what was committed', async () => {
    const id = await makeRun(rules.database, { task: 'OUTBOX' });
    const report = (await findReport(rules.db, id)) as Report;
    const events = {
      progressed: () => Promise.reject(new Error('It cannot be said.')),
      batchesChanged: () => Promise.resolve(),
      chunk: () => undefined,
    };
    await rules.db.connection().execute(async (own) => {
      const tally = new Tally(own, report, events);
      const chunk = { counts: { rows: 3 }, removed: 3, next: undefined };
      await expect(tally.add(async () => chunk)).rejects.toThrow('It cannot be said.');
      expect(tally.total).toBe(3);
      expect(tally.counts).toEqual({ rows: 3 });
      expect(await findReport(rules.db, id)).toMatchObject({ total: 3, counts: { rows: 3 } });
      await expect(tally.add(() => Promise.reject(new Error('No chunk.')))).rejects.toThrow('No chunk.');
      expect(tally.total).toBe(3);
    });
  });
});
