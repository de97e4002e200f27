import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { taskNames } from '../../src/domain/cleanup/registry.js';
import { issue, makeAccount, type TestAccount } from './accounts.js';
import { ADMIN_EMAIL } from './app.js';
import { eventually } from './eventually.js';
import type { JobStores, NewJob, OpenJobStores } from './job-stores.js';
import { signInByCode } from './scene.js';
import { DAY, type Desk, fillOutbox, inMs, type Operation, openDesk, scheduleInput, type Told } from './schedules.js';

const ADMINS_ONLY: readonly (readonly [Operation, Record<string, unknown>])[] = [
  ['list', {}],
  ['find', { id: 'x' }],
  ['report', { id: 'x' }],
  ['reports', {}],
  ['counts', {}],
  ['create', { input: scheduleInput({ retentionDays: -1 }) }],
  ['update', { id: 'x', input: scheduleInput() }],
  ['setEnabled', { id: 'x', enabled: true }],
  ['delete', { id: 'x' }],
  ['run', { input: { task: 'COPIES', retentionDays: -1 } }],
  ['runSchedule', { id: 'x' }],
  ['cancel', { reportId: 'x' }],
  ['flush', { target: 'ALL', confirm: false }],
];

/** Runs by hand, mails about runs, and what admins do with jobs: wherever they are kept. */
export function jobOperationSuite(openStores: OpenJobStores): void {
  let stores: JobStores;
  let desk: Desk;

  beforeAll(async () => {
    stores = await openStores();
    desk = await openDesk(stores, { PURGE_BATCH_SIZE: '1', PURGE_PAUSE_MS: '100' });
  });
  afterAll(async () => {
    await desk.close();
    await stores.close();
  });
  beforeEach(() => desk.app.database.rows(`delete from outbox where topic = 'verification-wanted'`));

  const run = async (input: object): Promise<Told> => await desk.do('run', { input });
  const old = async () =>
    (await desk.app.database.rows(`select 1 from outbox where topic = 'verification-wanted'`)).length;
  const reportOf = async (id: string): Promise<Told> => await desk.do('report', { id });

  describe('runCleanup', () => {
    it('answers with the report of the run that has ended', async () => {
      await fillOutbox(desk, 3);
      const report = await run({ task: 'OUTBOX' });
      expect(report).toEqual({
        id: expect.any(String),
        task: 'OUTBOX',
        status: 'SUCCEEDED',
        trigger: 'MANUAL',
        isDryRun: false,
        scheduleName: null,
        schedule: null,
        startedAt: expect.any(String),
        finishedAt: expect.any(String),
        retentionDays: null,
        total: 3,
        counts: [{ name: 'rows', count: 3 }],
        isCapped: false,
        emailStatus: null,
        error: null,
        startedBy: { id: desk.adminId },
      });
      expect(await reportOf(report['id'])).toEqual(report);
      expect(await old()).toBe(0);
      const events = await desk.app.database.rows(
        `select actor_id as "actorId", removed_count as "removedCount" from audit_events
         where action = 'CLEANUP_RUN' and reason = 'OUTBOX SUCCEEDED'`,
      );
      expect(events).toEqual([{ actorId: desk.adminId, removedCount: 3 }]);
    });

    it('counts, and removes nothing, in a dry run', async () => {
      await fillOutbox(desk, 4);
      expect(await run({ task: 'OUTBOX', dryRun: true })).toMatchObject({
        status: 'SUCCEEDED',
        isDryRun: true,
        total: 4,
      });
      expect(await old()).toBe(4);
    });

    it('keeps to its cap and its retention, and says so', async () => {
      await fillOutbox(desk, 4);
      const capped = { status: 'PARTIAL', isCapped: true, total: 3 };
      expect(await run({ task: 'OUTBOX', maxDeletionsPerRun: 3 })).toMatchObject(capped);
      expect(await old()).toBe(1);
      expect(await run({ task: 'EMAIL_LOG', retentionDays: 55 })).toMatchObject({ retentionDays: 55, total: 0 });
    });

    it('answers after about five seconds while it goes on; a second one of the task is SKIPPED; it can be cancelled', async () => {
      await fillOutbox(desk, 200);
      const before = Date.now();
      const report = await run({ task: 'OUTBOX' });
      expect(Date.now() - before).toBeGreaterThan(4_500);
      expect(Date.now() - before).toBeLessThan(7_500);
      expect(report).toMatchObject({ status: 'RUNNING', finishedAt: null });
      expect(report['total']).toBeGreaterThan(5);
      expect(await run({ task: 'OUTBOX' })).toMatchObject({
        status: 'SKIPPED',
        total: 0,
        error: 'Another run of this task was in progress.',
      });
      // Running jobs are nobody's to flush.
      expect(await desk.do('counts')).toContainEqual({ name: 'running', count: 1 });
      await desk.do('flush', { target: 'FINISHED', confirm: true });
      expect(await desk.do('counts')).toContainEqual({ name: 'running', count: 1 });
      const cancelled = await desk.do('cancel', { reportId: report['id'] });
      expect(cancelled).toMatchObject({ id: report['id'], status: 'CANCELLED', finishedAt: expect.any(String) });
      expect(cancelled['total']).toBe(200 - (await old()));
      expect(await desk.do('cancel', { reportId: report['id'] })).toEqual(cancelled);
    });

    it('that nobody has begun ends at once when it is cancelled, and never begins', async () => {
      const [waiting] = await desk.app.database.rows<{ id: string }>(
        `insert into purge_reports (id, task, trigger) values (gen_random_uuid(), 'COPIES', 'MANUAL') returning id`,
      );
      const cancelled = await desk.do('cancel', { reportId: waiting?.id });
      expect(cancelled).toMatchObject({ status: 'CANCELLED', total: 0 });
      for (const id of ['x', desk.adminId]) expect((await desk.ask('cancel', { reportId: id })).code).toBe('NOT_FOUND');
      expect(await desk.do('report', { id: 'x' })).toBeNull();
    });
  });

  describe('the list of reports', () => {
    it('is newest first, in pages, and by task, status and schedule', async () => {
      const { id: scheduleId } = await desk.do('create', { input: scheduleInput({ task: 'SESSIONS' }) });
      const made: string[] = [];
      for (let n = 0; n < 5; n += 1) made.unshift((await desk.do('runSchedule', { id: scheduleId })).id);
      await run({ task: 'AUDIT_EVENTS' });
      const ids = ({ edges }: Told): string[] => edges.map(({ node }: Told) => node['id']);
      const filter = { scheduleId };
      const page = async (first: number, after?: string): Promise<Told> =>
        await desk.do('reports', { filter, first, after });
      const first = await page(2);
      expect([ids(first), first['totalCount'], first['pageInfo'].hasNextPage]).toEqual([made.slice(0, 2), 5, true]);
      const second = await page(2, first['pageInfo'].endCursor);
      const third = await page(2, second['pageInfo'].endCursor);
      expect([ids(second), ids(third), third['pageInfo'].hasNextPage]).toEqual([
        made.slice(2, 4),
        made.slice(4),
        false,
      ]);
      expect(third['pageInfo'].hasPreviousPage).toBe(true);
      expect(ids(await page(2, third['pageInfo'].endCursor))).toEqual([]);
      for (const [wanted, count] of [
        [{ task: 'SESSIONS' }, 5],
        [{ task: 'SESSIONS', status: 'FAILED' }, 0],
        [{ task: 'AUDIT_EVENTS', status: 'SKIPPED' }, 1],
        [{ scheduleId, task: 'COPIES' }, 0],
        [{ scheduleId: desk.adminId }, 0],
        [{ scheduleId: 'x' }, 0],
        [{ scheduleId: null, task: 'SESSIONS', status: null }, 5],
      ] as const) {
        const found = await desk.do('reports', { filter: wanted });
        expect([wanted, found.totalCount, found.edges.length]).toEqual([wanted, count, count]);
      }
      for (const bad of [{ first: 0 }, { first: 101 }, { after: 'x' }, { after: first['edges'][0].node.id }]) {
        expect([bad, (await desk.ask('reports', bad)).code]).toEqual([bad, 'BAD_USER_INPUT']);
      }
    });
  });

  describe('the mail about a run', () => {
    it.each([
      ['ALWAYS', 0, 1],
      ['ALWAYS', 2, 1],
      ['WHEN_DELETED', 0, 0],
      ['WHEN_DELETED', 2, 1],
      ['NEVER', 2, 0],
    ])('of a schedule with %s that removed %d rows goes out: %d', async (emailReport, count, sent) => {
      await fillOutbox(desk, count);
      const input = scheduleInput({ task: 'OUTBOX', emailReport });
      const { id } = await desk.do('create', { input });
      const report = await desk.do('runSchedule', { id });
      expect(report).toMatchObject({ status: 'SUCCEEDED', total: count });
      const emailStatus = sent === 1 ? 'SENT' : null;
      await eventually(async () => (await reportOf(report.id))['emailStatus'] === emailStatus);
      // Whatever was asked for earlier has gone out before this.
      const last = await desk.do('create', { input: scheduleInput({ task: 'COPIES', emailReport: 'ALWAYS' }) });
      const { id: lastId } = await desk.do('runSchedule', { id: last.id });
      await eventually(async () => (await reportOf(lastId))['emailStatus'] === 'SENT');
      const mails = await desk.app.mails(ADMIN_EMAIL);
      expect(mails.filter(({ text }) => text.includes(last.name))).toHaveLength(1);
      const about = mails.filter(({ text }) => text.includes(input.name));
      const telling = about.filter(({ text }) => new RegExp(`\\b${count}\\b`).test(text));
      expect([about.length, telling.length]).toEqual([sent, sent]);
    });
  });

  describe('jobs', () => {
    const FOREIGN: NewJob = { name: 'someone-else', data: { id: 'x', reportId: 'x' } };
    const [past, future] = [new Date(Date.now() - DAY), new Date(Date.now() + DAY)];
    const failed = { failedAt: past, lastFinishedAt: past };
    const recovered = { failedAt: new Date(past.getTime() - 1_000), lastFinishedAt: past };
    const OURS: readonly NewJob[] = [
      { name: 'run-cleanup', ...failed },
      { name: 'report-mail', ...failed },
      { name: 'report-mail', ...failed, nextRunAt: future },
      { name: 'report-mail', nextRunAt: future },
      { name: 'run-cleanup', lockedAt: new Date() },
      { name: 'run-cleanup', lastFinishedAt: past },
      { name: 'report-mail', ...recovered },
      { name: 'report-mail', lastFinishedAt: past },
    ];
    const STATES = { failed: 2, queued: 2, running: 1, finished: 3 };
    let still: Desk;

    /** Nobody works here, so that jobs stay as they are. */
    beforeEach(async () => {
      still = await openDesk(stores, { ROLE: 'api' });
      for (const job of OURS) await still.store.add(job);
      for (const times of [failed, { lastFinishedAt: past }, { nextRunAt: future }, { lockedAt: new Date() }]) {
        await still.store.add({ ...FOREIGN, ...times });
      }
      await still.do('create', { input: scheduleInput({ runAt: inMs(DAY) }) });
    });

    const counted = (list: readonly { name: string; count: number }[]) =>
      Object.fromEntries(list.map(({ name, count }) => [name, count]));
    const names = async () => {
      const jobs = await still.store.jobs();
      const groups = Map.groupBy(jobs, ({ name }) => name);
      return Object.fromEntries([...groups].map(([name, of]) => [name, of.length]));
    };
    const scheduled = taskNames.length + 1;
    /** They come by themselves, and are no schedules. */
    const DAILY = { reminders: 1, 'rotate-keys': 1 };
    const BEFORE = { ...DAILY, cleanup: scheduled, 'run-cleanup': 3, 'report-mail': 5, 'someone-else': 4 };

    it.each([
      ['FAILED', { failed: 2 }, { ...BEFORE, 'run-cleanup': 2, 'report-mail': 4 }],
      ['FINISHED', { finished: 3 }, { ...BEFORE, 'run-cleanup': 2, 'report-mail': 3 }],
      ['SCHEDULED', { scheduled }, { ...DAILY, 'run-cleanup': 3, 'report-mail': 5, 'someone-else': 4 }],
      [
        'ALL',
        { failed: 2, finished: 3, scheduled },
        { ...DAILY, 'run-cleanup': 1, 'report-mail': 2, 'someone-else': 4 },
      ],
    ])('flushed by %s: what is said is gone, and nothing else', async (target, counts, left) => {
      try {
        expect(counted(await still.do('counts'))).toEqual({ ...STATES, scheduled });
        const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
        for (const confirm of [true, false]) {
          const dry = await still.do('flush', { target, confirm, dryRun: true });
          expect({ ...dry, counts: counted(dry.counts) }).toEqual({ counts, total, isDryRun: true });
        }
        expect((await still.ask('flush', { target, confirm: false })).code).toBe('CONFIRMATION_REQUIRED');
        expect(await names()).toEqual(BEFORE);
        const flushed = await still.do('flush', { target, confirm: true });
        expect({ ...flushed, counts: counted(flushed.counts) }).toEqual({ counts, total, isDryRun: false });
        expect(await names()).toEqual(left);
        const events = await still.app.database.rows(
          `select action, reason, removed_count as "removedCount", actor_id as "actorId" from audit_events
           where action = 'JOBS_FLUSHED'`,
        );
        expect(events).toEqual([
          { action: 'JOBS_FLUSHED', reason: target, removedCount: total, actorId: still.adminId },
        ]);
        const deleted = await still.app.database.rows(`select 1 from audit_events where action = 'SCHEDULE_DELETED'`);
        expect(deleted).toHaveLength('scheduled' in counts ? scheduled : 0);
        const after = { ...STATES, scheduled, ...Object.fromEntries(Object.keys(counts).map((name) => [name, 0])) };
        expect(counted(await still.do('counts'))).toEqual(after);
      } finally {
        await still.close();
      }
    });
  });

  describe('every operation of cleanups', () => {
    it('is for admins in a session of a password', async () => {
      const { token: user } = await makeAccount(desk.app);
      const admin: TestAccount = {
        id: desk.adminId,
        email: ADMIN_EMAIL,
        token: desk.token,
        refreshToken: '',
        sessionId: '',
      };
      const { codes } = await issue(desk.app, admin);
      const { token: byCode } = await signInByCode(desk.app, ADMIN_EMAIL, codes[0] as string);
      const jobs = await desk.store.jobs();
      for (const [operation, variables] of ADMINS_ONLY) {
        const ask = async (token?: string) => (await desk.as(token).ask(operation, variables)).code;
        const answers = [await ask(), await ask('none'), await ask(user), await ask(byCode)];
        expect([operation, ...answers]).toEqual([
          operation,
          'UNAUTHENTICATED',
          'UNAUTHENTICATED',
          'FORBIDDEN',
          'FORBIDDEN',
        ]);
        // The same by an admin is looked at.
        expect(['BAD_USER_INPUT', 'NOT_FOUND', 'CONFIRMATION_REQUIRED', undefined]).toContain(await ask(desk.token));
      }
      expect((await desk.store.jobs()).length).toBe(jobs.length);
    });
  });
}
