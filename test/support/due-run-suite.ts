import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from './eventually.js';
import type { JobStores, OpenJobStores } from './job-stores.js';
import {
  DAY,
  type Desk,
  fillOutbox,
  HOUR,
  inMs,
  inputOf,
  MINUTE,
  openDesk,
  reportsOf,
  scheduleInput,
  type Told,
} from './schedules.js';

const TEN_TASKS = `RECOVERY_CODES AUDIT_EVENTS EMAIL_LOG UNVERIFIED_ACCOUNTS VERIFICATION_TOKENS SESSIONS COPIES
  RATE_LIMITS OUTBOX JOBS`.split(/\s+/);
const API = { ROLE: 'api' };
const WORKER = { ROLE: 'worker' };
/** Longer than a worker takes between two looks. */
const A_LOOK_LATER_MS = 2_500;

/** When workers run what is due, and how often: wherever jobs are kept. */
export function dueRunSuite(openStores: OpenJobStores): void {
  let stores: JobStores;
  const desks: Desk[] = [];

  beforeAll(async () => {
    stores = await openStores();
  });
  afterEach(async () => {
    await Promise.all(desks.splice(0).map((desk) => desk.close()));
  });
  afterAll(() => stores.close());

  /** Without a worker; none of the schedules that were there from the start. */
  async function open(overrides: Record<string, string> = {}): Promise<Desk> {
    const desk = await openDesk(stores, { ...API, ...overrides });
    desks.push(desk);
    await desk.do('flush', { target: 'SCHEDULED', confirm: true });
    return desk;
  }

  const create = async (desk: Desk, others = {}): Promise<Told> =>
    await desk.do('create', { input: scheduleInput({ runAt: inMs(-10 * DAY - HOUR), ...others }) });
  const isOver = ({ status }: { status: string }) => status !== 'QUEUED' && status !== 'RUNNING';
  const ended = async (desk: Desk, id: string, count = 1) =>
    await eventually(async () => (await reportsOf(desk, id)).filter(isOver).length >= count, 15_000);

  describe('what was missed while nobody worked', () => {
    it.each([
      ['HOURLY', 26 * HOUR, HOUR],
      ['DAILY', 75 * HOUR, DAY],
      ['WEEKLY', 8 * DAY, 7 * DAY],
    ])('is one run of %s, and the next is back in the row', async (type, late, period) => {
      const desk = await open();
      const { id, runAt } = await create(desk, { type, task: 'COPIES' });
      const dueAt = new Date(Date.now() - late);
      await desk.store.change(id, { nextRunAt: dueAt });
      await delay(1_500);
      expect(await reportsOf(desk, id)).toEqual([]);
      await desk.another(WORKER);
      await ended(desk, id);
      await delay(A_LOOK_LATER_MS);
      expect(await reportsOf(desk, id)).toMatchObject([{ trigger: 'SCHEDULE', status: 'SUCCEEDED', dueAt }]);
      const next = ((await desk.jobOf(id)).nextRunAt as Date).getTime();
      expect(next).toBeGreaterThan(Date.now());
      expect(next).toBeLessThanOrEqual(Date.now() + period);
      expect((next - Date.parse(runAt)) % period).toBe(0);
      expect((await desk.jobOf(id)).lockedAt).toBeNull();
    });

    it('is the one run of ONCE', async () => {
      const desk = await open();
      const { id } = await create(desk, { type: 'ONCE', runAt: inMs(DAY), task: 'COPIES' });
      await desk.store.changeData(id, { runAt: inMs(-DAY) });
      await desk.store.change(id, { nextRunAt: new Date(Date.now() - DAY) });
      await desk.another(WORKER);
      await ended(desk, id);
      await eventually(async () => (await desk.jobOf(id)).disabled);
      expect(await desk.jobOf(id)).toMatchObject({ disabled: true, nextRunAt: null });
    });

    it('is no run of one that was disabled or deleted meanwhile', async () => {
      const desk = await open();
      const [disabled, deleted, due] = [await create(desk), await create(desk), await create(desk, { task: 'COPIES' })];
      for (const { id } of [disabled, deleted, due])
        await desk.store.change(id, { nextRunAt: new Date(Date.now() - HOUR) });
      await desk.do('setEnabled', { id: disabled['id'], enabled: false });
      await desk.do('delete', { id: deleted['id'] });
      await desk.another(WORKER);
      await ended(desk, due['id']);
      expect(await reportsOf(desk, disabled['id'])).toEqual([]);
      expect(await reportsOf(desk, deleted['id'])).toEqual([]);
    });
  });

  describe('two workers at once', () => {
    it('run ten schedules that are due once each, eight times over', async () => {
      const desk = await open();
      const ids: string[] = [];
      for (const task of TEN_TASKS) ids.push((await create(desk, { task }))['id']);
      const dues: string[] = [];
      const makeDue = async (round: number) => {
        const dueAt = new Date(Date.now() - DAY + round * MINUTE);
        dues.push(dueAt.toISOString());
        for (const id of ids) await desk.store.change(id, { nextRunAt: dueAt });
      };
      await makeDue(0);
      await Promise.all([desk.another(WORKER), desk.another(WORKER)]);
      for (let round = 1; round <= 8; round += 1) {
        await Promise.all(ids.map((id) => ended(desk, id, round)));
        await eventually(async () => (await desk.store.jobs()).every(({ lockedAt }) => lockedAt === null));
        if (round === 8) break;
        await makeDue(round);
        // Some change wakes the workers, as an admin's does.
        await create(desk, { isEnabled: false });
      }
      for (const id of ids) {
        const reports = await reportsOf(desk, id);
        expect(reports.map(({ dueAt }) => dueAt?.toISOString())).toEqual(dues);
        for (const { status, task } of reports) {
          expect([task, status]).toEqual([task, task === 'AUDIT_EVENTS' ? 'SKIPPED' : 'SUCCEEDED']);
        }
        expect((await desk.jobOf(id)).nextRunAt?.getTime()).toBeGreaterThan(Date.now());
      }
    }, 90_000);
  });

  describe('a worker that died', () => {
    it('between taking a job and making its report: another takes the run over, once', async () => {
      const desk = await open();
      const { id } = await create(desk, { task: 'COPIES' });
      const dueAt = new Date(Date.now() - 3 * MINUTE);
      await desk.store.change(id, { nextRunAt: dueAt, lockedAt: new Date(Date.now() - 2 * MINUTE) });
      await Promise.all([desk.another(WORKER), desk.another(WORKER)]);
      await ended(desk, id);
      await delay(A_LOOK_LATER_MS);
      expect(await reportsOf(desk, id)).toMatchObject([{ dueAt, status: 'SUCCEEDED' }]);
      expect((await desk.jobOf(id)).lockedAt).toBeNull();
    });

    it('is not taken for dead within the time of its lock', async () => {
      const desk = await open();
      const [held, free] = [await create(desk, { task: 'COPIES' }), await create(desk, { task: 'SESSIONS' })];
      for (const { id } of [held, free]) await desk.store.change(id, { nextRunAt: new Date(Date.now() - HOUR) });
      await desk.store.change(held['id'], { lockedAt: new Date() });
      await desk.another(WORKER);
      await ended(desk, free['id']);
      await delay(A_LOOK_LATER_MS);
      expect(await reportsOf(desk, held['id'])).toEqual([]);
    });

    it.each(['before it set the next run', 'after it'])(
      'between making the report and running it, %s: the report is run, and no second one made',
      async (when) => {
        const desk = await open();
        const { id, name, nextRunAt } = await create(desk, { task: 'COPIES' });
        const dueAt = new Date(Date.now() - 3 * MINUTE);
        const reportId = randomUUID();
        await desk.app.database.rows(
          `insert into purge_reports (id, task, trigger, schedule_id, schedule_name, due_at, started_at)
           values ($1, 'COPIES', 'SCHEDULE', $2, $3, $4, now() - interval '2 minutes')`,
          [reportId, id, name, dueAt],
        );
        const next = when === 'after it' ? new Date(nextRunAt) : dueAt;
        await desk.store.change(id, { nextRunAt: next, lockedAt: new Date(Date.now() - 2 * MINUTE) });
        await desk.another(WORKER);
        await ended(desk, id);
        await eventually(async () => (await desk.jobOf(id)).lockedAt === null, 15_000);
        await delay(A_LOOK_LATER_MS);
        expect(await reportsOf(desk, id)).toMatchObject([{ id: reportId, dueAt, status: 'SUCCEEDED' }]);
        expect((await desk.jobOf(id)).nextRunAt?.getTime()).toBeGreaterThan(Date.now());
      },
    );

    it('before it ran a report that was asked for by hand: one job is made for it, and no second one', async () => {
      const desk = await open();
      const [forgotten, waiting] = [randomUUID(), randomUUID()];
      await desk.app.database.rows(
        `insert into purge_reports (id, task, trigger, started_at)
         select unnest($1::uuid[]), 'COPIES', 'MANUAL', now() - interval '2 minutes'`,
        [[forgotten, waiting]],
      );
      // A worker has taken this one, and it waits there for its turn.
      await desk.store.add({ name: 'run-cleanup', data: { reportId: waiting }, lockedAt: new Date() });
      await desk.another(WORKER);
      await eventually(async () => (await desk.do('report', { id: forgotten })).finishedAt !== null);
      const jobs = (await desk.store.jobs()).filter(({ name }) => name === 'run-cleanup');
      expect(jobs.map(({ data }) => data['reportId'] as string).toSorted()).toEqual([forgotten, waiting].toSorted());
      expect(await desk.do('report', { id: waiting })).toMatchObject({ status: 'QUEUED' });
    });

    it('in mid-run: its report is INTERRUPTED, and the next run is a run', async () => {
      const desk = await open();
      const { id, name } = await create(desk, { task: 'COPIES' });
      await desk.app.database.rows(
        `insert into purge_reports (id, task, trigger, status, schedule_id, schedule_name, due_at, counts, total)
         values ($1, 'COPIES', 'SCHEDULE', 'RUNNING', $2, $3, $4, '{"rows": 3}', 3)`,
        [randomUUID(), id, name, new Date(Date.now() - HOUR)],
      );
      await desk.another(WORKER);
      await ended(desk, id);
      expect(await reportsOf(desk, id)).toMatchObject([{ status: 'INTERRUPTED' }]);
      expect(await desk.do('runSchedule', { id })).toMatchObject({ status: 'SUCCEEDED' });
    });
  });

  describe('a schedule that runs', () => {
    const SLOW = { PURGE_BATCH_SIZE: '1', PURGE_PAUSE_MS: '150' };

    /** A schedule in the midst of a regular run of about three seconds. */
    async function running(): Promise<{ desk: Desk; schedule: Told }> {
      const desk = await open(SLOW);
      await fillOutbox(desk, 20);
      const schedule = await create(desk, { task: 'OUTBOX' });
      const { id } = schedule;
      await desk.store.change(id, { nextRunAt: new Date(Date.now() - HOUR) });
      await desk.another(WORKER);
      await eventually(async () => (await reportsOf(desk, id)).some(({ status }) => status === 'RUNNING'));
      return { desk, schedule };
    }

    it('can have its next run edited, which stays so when the run ends', async () => {
      const { desk, schedule } = await running();
      const { id } = schedule;
      const edited = inMs(5 * HOUR);
      await desk.do('update', { id, input: inputOf(schedule, { nextRunAt: edited, name: `Named ${id}` }) });
      expect((await reportsOf(desk, id)).filter(isOver)).toEqual([]);
      await ended(desk, id);
      await eventually(async () => (await desk.jobOf(id)).lockedAt === null);
      const found = await desk.do('find', { id });
      expect(found).toMatchObject({
        nextRunAt: edited,
        name: `Named ${id}`,
        lastReport: { scheduleName: schedule['name'] },
      });
      expect(found.lastReport).toMatchObject({ status: 'SUCCEEDED', total: 20, schedule: { id } });
    });

    it('runs after this run, not beside it, where the next run is set to a moment before its end', async () => {
      const { desk, schedule } = await running();
      const { id } = schedule;
      const edited = inMs(1_000);
      await desk.do('update', { id, input: inputOf(schedule, { nextRunAt: edited }) });
      await ended(desk, id, 2);
      expect(await reportsOf(desk, id)).toMatchObject([
        { status: 'SUCCEEDED' },
        { status: 'SUCCEEDED', dueAt: new Date(edited) },
      ]);
    });

    it('can be disabled: the run goes on, and it stays disabled', async () => {
      const { desk, schedule } = await running();
      const { id } = schedule;
      await desk.do('setEnabled', { id, enabled: false });
      await ended(desk, id);
      await eventually(async () => (await desk.jobOf(id)).lockedAt === null);
      expect(await desk.jobOf(id)).toMatchObject({ disabled: true, nextRunAt: null });
      expect(await reportsOf(desk, id)).toMatchObject([{ status: 'SUCCEEDED' }]);
    });

    it('can be deleted: the run goes on, and no job comes back', async () => {
      const { desk, schedule } = await running();
      const { id } = schedule;
      await desk.do('delete', { id });
      await ended(desk, id);
      await delay(500);
      expect((await desk.store.jobs()).filter(({ name }) => name === 'cleanup')).toEqual([]);
      expect(await reportsOf(desk, id)).toMatchObject([{ status: 'SUCCEEDED' }]);
    });
  });
}
