import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { eventually } from './eventually.js';
import type { JobStores, OpenJobStores } from './job-stores.js';
import {
  DAY,
  type Desk,
  HOUR,
  inMs,
  inputOf,
  MINUTE,
  openDesk,
  reportsOf,
  scheduleInput,
  type Told,
} from './schedules.js';

/** What the API promises of schedules, wherever jobs are kept. */
export function scheduleSuite(openStores: OpenJobStores): void {
  let stores: JobStores;
  let desk: Desk;

  beforeAll(async () => {
    stores = await openStores();
    desk = await openDesk(stores);
  });
  afterAll(async () => {
    await desk.close();
    await stores.close();
  });

  const create = async (others = {}): Promise<Told> => await desk.do('create', { input: scheduleInput(others) });
  const stored = async (id: string) => (await desk.jobOf(id)).nextRunAt?.toISOString();
  const events = async (id: string) => {
    const { name } = (await desk.do('find', { id })) as Told;
    const rows = await desk.app.database.rows<{ action: string; actorId: string }>(
      `select action, actor_id as "actorId" from audit_events where reason like '%: ' || $1 order by created_at, id`,
      [name],
    );
    return rows.map(({ action, actorId }) => [action, actorId === desk.adminId]);
  };

  describe('a schedule', () => {
    it('has the defaults where nothing is said', async () => {
      const input = scheduleInput();
      const created = await desk.do('create', { input });
      expect(created).toEqual({
        ...input,
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        cron: null,
        timeZone: 'UTC',
        nextRunAt: input['runAt'],
        lastRunAt: null,
        isEnabled: true,
        retentionDays: null,
        deleteEmptyBatches: true,
        maxDeletionsPerRun: null,
        useLogger: false,
        emailReport: 'NEVER',
      });
      const found = { ...created, lastReport: null, reports: { totalCount: 0, edges: [] } };
      expect(await desk.do('find', { id: created.id })).toEqual(found);
      expect(await desk.do('list')).toContainEqual(created);
      expect(await desk.jobOf(created.id)).toMatchObject({ name: 'cleanup', disabled: false });
      expect(await events(created.id)).toEqual([['SCHEDULE_CREATED', true]]);
    });

    it('keeps all that is said of it, the name as typed', async () => {
      const all = {
        name: `  Nächtlich 🗝️ ${randomUUID()}`,
        type: 'CRON',
        cron: '30 4 * * 1-5',
        timeZone: 'Europe/Berlin',
        isEnabled: true,
        retentionDays: 0,
        deleteEmptyBatches: false,
        maxDeletionsPerRun: -1,
        useLogger: true,
        emailReport: 'WHEN_DELETED',
      };
      const input = scheduleInput({ ...all, nextRunAt: inMs(2 * DAY) });
      expect(await desk.do('create', { input })).toMatchObject(input);
    });

    it('is listed by name, from every process alike', async () => {
      for (const name of ['b 1', 'B 2', 'a 3', 'Ä 4', 'A 5']) await create({ name });
      const list: Told[] = await desk.do('list');
      const names = list.map(({ name }) => name as string);
      expect(names.length).toBeGreaterThan(12);
      expect(names).toEqual(names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    });

    it('of an id that is none is not found', async () => {
      for (const id of [randomUUID(), 'x', '', `${randomUUID()}'`, '{}']) {
        expect(await desk.do('find', { id })).toBeNull();
        for (const [operation, variables] of [
          ['update', { id, input: scheduleInput() }],
          ['setEnabled', { id, enabled: true }],
          ['delete', { id }],
          ['runSchedule', { id }],
        ] as const) {
          expect([operation, (await desk.ask(operation, variables)).code]).toEqual([operation, 'NOT_FOUND']);
        }
      }
    });
  });

  describe('the next run', () => {
    const future = inMs(40 * DAY);
    it.each(['ONCE', 'HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY', 'QUARTERLY', 'YEARLY'])(
      'of %s is runAt while that is to come',
      async (type) => {
        const { id, nextRunAt } = await create({ type, runAt: future });
        expect([nextRunAt, await stored(id)]).toEqual([future, future]);
      },
    );

    /** Whole months after 31 Jan 2024 08:30 UTC, on the last day of those that are too short. */
    function monthsLater(count: number): Date {
      const lastDay = new Date(Date.UTC(2024, count + 1, 0)).getUTCDate();
      return new Date(Date.UTC(2024, count, Math.min(31, lastDay), 8, 30));
    }
    const every = (step: number) => (n: number) => monthsLater(n * step);
    const spaced = (ms: number) => (n: number) => new Date(Date.UTC(2024, 0, 31, 8, 30) + n * ms);
    it.each([
      ['HOURLY', spaced(HOUR)],
      ['DAILY', spaced(DAY)],
      ['WEEKLY', spaced(7 * DAY)],
      ['MONTHLY', every(1)],
      ['QUARTERLY', every(3)],
      ['YEARLY', every(12)],
    ])('of %s is the next in the row that runAt began, which is past', async (type, nth) => {
      const { id, nextRunAt } = await create({ type, runAt: '2024-01-31T08:30:00.000Z' });
      let n = 0;
      while (nth(n) <= new Date()) n += 1;
      expect([nextRunAt, await stored(id)]).toEqual([nth(n).toISOString(), nth(n).toISOString()]);
    });

    it('of CRON is the next that its fields name, in its time zone and not before runAt', async () => {
      const cron = { type: 'CRON', cron: '15 6 * * *', timeZone: 'Asia/Kolkata' };
      // 06:15 at UTC+05:30, which knows no summer time.
      const after = (time: number) => new Date(Math.ceil((time - 45 * MINUTE + 1) / DAY) * DAY + 45 * MINUTE);
      const soon = await create({ ...cron, runAt: '2024-01-01T00:00:00.000Z' });
      expect(soon['nextRunAt']).toBe(after(Date.now()).toISOString());
      const late = await create({ ...cron, runAt: future });
      expect(late['nextRunAt']).toBe(after(Date.parse(future) - 1).toISOString());
      expect(await stored(late['id'])).toBe(late['nextRunAt']);
    });

    it('can be set at the start and later, and goes back to its rule with null or another timing', async () => {
      const nextRunAt = inMs(5 * DAY);
      const created = await create({ nextRunAt });
      const { id, runAt } = created;
      expect(await stored(id)).toBe(nextRunAt);
      const update = async (others: Record<string, unknown>): Promise<Told> =>
        await desk.do('update', { id, input: inputOf(created, others) });
      expect(await update({ retentionDays: 3 })).toMatchObject({ nextRunAt, retentionDays: 3 });
      const edited = inMs(3 * DAY);
      expect(await update({ nextRunAt: edited })).toMatchObject({ nextRunAt: edited, retentionDays: 3 });
      expect(await stored(id)).toBe(edited);
      expect(await update({ nextRunAt: null })).toMatchObject({ nextRunAt: runAt });
      expect(await update({ nextRunAt: edited })).toMatchObject({ nextRunAt: edited });
      expect(await update({ runAt: future })).toMatchObject({ runAt: future, nextRunAt: future });
      expect(await stored(id)).toBe(future);
    });

    it('when set is waited for, run once, and followed by the next in the row', async () => {
      const created = await create({ runAt: inMs(-3 * DAY - HOUR) });
      const { id, runAt, name } = created;
      const nextRunAt = inMs(1_500);
      await desk.do('update', { id, input: inputOf(created, { nextRunAt }) });
      expect(await reportsOf(desk, id)).toEqual([]);
      await eventually(async () =>
        (await reportsOf(desk, id)).some(({ status }) => status !== 'QUEUED' && status !== 'RUNNING'),
      );
      const ranAt = Date.now();
      expect(ranAt).toBeGreaterThanOrEqual(Date.parse(nextRunAt));
      expect(ranAt - Date.parse(nextRunAt)).toBeLessThan(7_000);
      expect(await reportsOf(desk, id)).toMatchObject([
        { status: 'SUCCEEDED', trigger: 'SCHEDULE', dueAt: new Date(nextRunAt), task: 'RECOVERY_CODES' },
      ]);
      const found = await desk.do('find', { id });
      expect(found.nextRunAt).toBe(new Date(Date.parse(runAt) + 4 * DAY).toISOString());
      expect(Date.parse(found.lastRunAt)).toBeGreaterThanOrEqual(Date.parse(nextRunAt));
      expect(found.lastReport).toMatchObject({ trigger: 'SCHEDULE', scheduleName: name, schedule: { id } });
      expect(found.lastReport.startedBy).toBeNull();
      expect(found.reports).toEqual({ totalCount: 1, edges: [{ node: found.lastReport }] });
    });

    it('of ONCE is its only one: it disables itself, and its job stays', async () => {
      const { id } = await create({ type: 'ONCE', runAt: inMs(1_200), task: 'COPIES' });
      await eventually(async () => (await desk.do('find', { id })).isEnabled === false);
      expect(await desk.jobOf(id)).toMatchObject({ disabled: true, nextRunAt: null });
      expect(await desk.do('find', { id })).toMatchObject({ nextRunAt: null, reports: { totalCount: 1 } });
      const again = await desk.ask('setEnabled', { id, enabled: true });
      expect([again.code, again.errors[0]?.extensions?.['argument']]).toEqual(['BAD_USER_INPUT', 'enabled']);
    });

    it('stays as it is when the schedule is run now', async () => {
      const nextRunAt = inMs(9 * HOUR);
      const { id, name } = await create({ nextRunAt, runAt: inMs(-DAY), task: 'RATE_LIMITS' });
      const report = await desk.do('runSchedule', { id });
      const own = { scheduleName: name, schedule: { id }, startedBy: { id: desk.adminId } };
      expect(report).toMatchObject({ status: 'SUCCEEDED', trigger: 'MANUAL', task: 'RATE_LIMITS', ...own });
      expect(await stored(id)).toBe(nextRunAt);
      expect(await desk.do('find', { id })).toMatchObject({ nextRunAt, lastReport: report });
    });
  });

  describe('enabling and disabling', () => {
    it('keep the job, and bring its next run back', async () => {
      const { id, runAt } = await create();
      const disabled = await desk.do('setEnabled', { id, enabled: false });
      expect(disabled).toMatchObject({ isEnabled: false, nextRunAt: null });
      expect(await desk.jobOf(id)).toMatchObject({ disabled: true, nextRunAt: null });
      expect(await desk.do('setEnabled', { id, enabled: false })).toEqual(disabled);
      expect(await desk.do('setEnabled', { id, enabled: true })).toMatchObject({ isEnabled: true, nextRunAt: runAt });
      expect(await desk.jobOf(id)).toMatchObject({ disabled: false, nextRunAt: new Date(runAt) });
      // The repeat is no change.
      expect(await events(id)).toEqual([
        ['SCHEDULE_CREATED', true],
        ['SCHEDULE_UPDATED', true],
        ['SCHEDULE_UPDATED', true],
      ]);
    });

    it('are possible at creation and by update, and leave run now alone', async () => {
      const created = await create({ isEnabled: false, task: 'SESSIONS' });
      const { id, runAt } = created;
      expect(created).toMatchObject({ isEnabled: false, nextRunAt: null });
      expect(await desk.do('update', { id, input: inputOf(created) })).toMatchObject({ isEnabled: false });
      expect(await desk.do('runSchedule', { id })).toMatchObject({ status: 'SUCCEEDED', trigger: 'MANUAL' });
      expect(await desk.do('find', { id })).toMatchObject({ isEnabled: false, nextRunAt: null });
      const input = inputOf(created, { isEnabled: null });
      expect(await desk.do('update', { id, input })).toMatchObject({ isEnabled: true, nextRunAt: runAt });
    });
  });

  describe('an update', () => {
    const all = {
      cron: '5 5 * * *',
      timeZone: 'America/New_York',
      retentionDays: 40,
      deleteEmptyBatches: false,
      maxDeletionsPerRun: 7,
      useLogger: true,
      emailReport: 'ALWAYS',
    };
    const defaults: Record<string, unknown> = {
      timeZone: 'UTC',
      retentionDays: null,
      deleteEmptyBatches: true,
      maxDeletionsPerRun: null,
      useLogger: false,
      emailReport: 'NEVER',
    };

    it('leaves alone what is absent', async () => {
      const created = await create({ type: 'CRON', ...all });
      const input = { ...inputOf(created), name: `${created['name']} again` };
      expect(await desk.do('update', { id: created['id'], input })).toEqual({ ...created, name: input.name });
    });

    it.each(Object.keys(defaults))('sets %s to its default with null, and nothing else', async (field) => {
      const created = await create({ type: 'CRON', ...all });
      const { id } = created;
      const updated = await desk.do('update', { id, input: inputOf(created, { [field]: null }) });
      const { nextRunAt } = field === 'timeZone' ? updated : created;
      expect(updated).toEqual({ ...created, [field]: defaults[field], nextRunAt });
      expect(await desk.do('list')).toContainEqual(updated);
    });

    it('to another task or type forgets what only the former took', async () => {
      const created = await create({ type: 'CRON', ...all });
      const input = { name: created['name'], task: 'SESSIONS', type: 'DAILY', runAt: created['runAt'] };
      const updated = await desk.do('update', { id: created['id'], input });
      expect(updated).toMatchObject({ cron: null, retentionDays: null, deleteEmptyBatches: true });
      expect(updated).toMatchObject({ timeZone: 'America/New_York', maxDeletionsPerRun: 7, emailReport: 'ALWAYS' });
    });
  });

  describe('deleting', () => {
    it('leaves no job; its reports stay, with the name it had', async () => {
      const { id, name } = await create({ task: 'EMAIL_LOG' });
      const { id: reportId } = await desk.do('runSchedule', { id });
      expect(await desk.do('delete', { id })).toEqual({ acknowledged: true });
      expect((await desk.store.jobs()).filter(({ data }) => data['id'] === id)).toEqual([]);
      expect(await desk.do('find', { id })).toBeNull();
      expect(await desk.do('report', { id: reportId })).toMatchObject({ scheduleName: name, schedule: null });
      const { totalCount } = await desk.do('reports', { filter: { scheduleId: id } });
      expect(totalCount).toBe(1);
      expect((await desk.ask('delete', { id })).code).toBe('NOT_FOUND');
      // The name is free again.
      expect(await create({ name })).toMatchObject({ name });
    });
  });
}
