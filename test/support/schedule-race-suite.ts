import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { taskNames } from '../../src/domain/cleanup/registry.js';
import type { JobStores, OpenJobStores } from './job-stores.js';
import { type Desk, HOUR, inMs, inputOf, openDesk, scheduleInput, type Told } from './schedules.js';

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));

/** Several processes at once at the same schedules, wherever jobs are kept. */
export function scheduleRaceSuite(openStores: OpenJobStores): void {
  let stores: JobStores;
  const desks: Desk[] = [];

  beforeAll(async () => {
    stores = await openStores();
  });
  afterEach(async () => {
    await Promise.all(desks.splice(0).map((desk) => desk.close()));
  });
  afterAll(() => stores.close());

  async function open(overrides?: Record<string, string>): Promise<Desk> {
    const desk = await openDesk(stores, overrides);
    desks.push(desk);
    return desk;
  }

  describe('two processes', () => {
    it('that save one schedule 40 times at once leave one job, whole and as one of them wanted it', async () => {
      const first = await open();
      const pair = [first, await first.another()] as const;
      const created: Told = await first.do('create', { input: scheduleInput() });
      const { id } = created;
      const wanted = times(40, (n) => ({
        retentionDays: n + 1,
        maxDeletionsPerRun: n + 1,
        nextRunAt: inMs((n + 26) * HOUR),
      }));
      const answers = await Promise.all(
        wanted.map((others, n) => (pair[n % 2] as Desk).ask('update', { id, input: inputOf(created, others) })),
      );
      const saved = answers.filter(({ errors }) => errors.length === 0);
      expect(saved.length).toBeGreaterThan(0);
      expect(new Set(answers.map(({ code }) => code ?? 'saved'))).toEqual(
        new Set(['saved', ...(saved.length < 40 ? ['CONFLICT'] : [])]),
      );
      // What each was answered is what it asked for, not what another did.
      const told = answers.flatMap(({ data }, n) =>
        data === null ? [] : [[wanted[n], data['updateCleanupSchedule']]],
      );
      for (const [asked, answered] of told) expect(answered).toMatchObject(asked as object);
      const job = await first.jobOf(id);
      expect(job.data['revision']).toBe(1 + saved.length);
      const [last] = wanted.filter(({ retentionDays }) => retentionDays === job.data['retentionDays']);
      expect(job).toMatchObject({
        disabled: false,
        nextRunAt: new Date(last?.nextRunAt as string),
        data: { maxDeletionsPerRun: last?.maxDeletionsPerRun, name: created['name'] },
      });
      const events = await first.app.database.rows(
        `select 1 from audit_events where action = 'SCHEDULE_UPDATED' and reason like '%' || $1`,
        [created['name']],
      );
      expect(events).toHaveLength(saved.length);
    });

    it('that enable, disable, rename, delete one at once leave a valid job or none', async () => {
      const first = await open();
      const pair = [first, await first.another()] as const;
      for (const round of times(5, (n) => n)) {
        const created: Told = await first.do('create', { input: scheduleInput() });
        const { id, runAt } = created;
        const answers = await Promise.all(
          times(12, (n) => {
            const { ask } = pair[n % 2] as Desk;
            if (n === 6 + round) return ask('delete', { id });
            if (n % 3 === 0) return ask('update', { id, input: inputOf(created, { name: `${created['name']} ${n}` }) });
            return ask('setEnabled', { id, enabled: n % 3 === 1 });
          }),
        );
        const codes = new Set(answers.map(({ code }) => code ?? 'answer'));
        for (const code of codes) expect(['answer', 'CONFLICT', 'NOT_FOUND']).toContain(code);
        expect((await first.store.jobs()).filter(({ data }) => data['id'] === id)).toEqual([]);
        const other: Told = await first.do('create', { input: scheduleInput({ runAt }) });
        await Promise.all(
          times(8, (n) => (pair[n % 2] as Desk).ask('setEnabled', { id: other['id'], enabled: n % 2 === 0 })),
        );
        const { disabled, nextRunAt } = await first.jobOf(other['id']);
        expect(nextRunAt).toEqual(disabled ? null : new Date(runAt));
      }
    });

    it('that make 30 schedules of one name at once make one', async () => {
      const first = await open();
      const pair = [first, await first.another()] as const;
      const input = scheduleInput();
      const answers = await Promise.all(times(30, (n) => (pair[n % 2] as Desk).ask('create', { input })));
      const refused = answers.filter(({ errors }) => errors.length > 0);
      expect(refused).toHaveLength(29);
      for (const { errors } of refused) {
        expect(errors[0]?.extensions).toEqual({ code: 'CONFLICT', argument: 'input.name' });
      }
      expect((await first.store.jobs()).filter(({ data }) => data['name'] === input.name)).toHaveLength(1);
    });

    it('that rename 10 schedules to one name at once let one have it', async () => {
      const first = await open();
      const pair = [first, await first.another()] as const;
      const created: Told[] = await Promise.all(times(10, () => first.do('create', { input: scheduleInput() })));
      const name = `One ${created[0]?.['id']}`;
      const answers = await Promise.all(
        created.map((schedule, n) =>
          (pair[n % 2] as Desk).ask('update', { id: schedule['id'], input: inputOf(schedule, { name }) }),
        ),
      );
      expect(answers.filter(({ errors }) => errors.length === 0)).toHaveLength(1);
      expect(answers.filter(({ code }) => code === 'CONFLICT')).toHaveLength(9);
      const jobs = await first.store.jobs();
      expect(jobs.filter(({ data }) => data['name'] === name)).toHaveLength(1);
      for (const { id } of created) expect(jobs.filter(({ data }) => data['id'] === id)).toHaveLength(1);
    });
  });

  describe('the schedules of the first start', () => {
    it('are one a day for each task, at different times of the night; those of history and evidence are off', async () => {
      const desk = await open();
      const list: Told[] = await desk.do('list');
      expect(list.map(({ task }) => task as string).toSorted()).toEqual(taskNames.toSorted());
      for (const { task, isEnabled, type, timeZone, retentionDays } of list) {
        const isOn = task !== 'BATCH_HISTORY' && task !== 'AUDIT_EVENTS';
        expect({ task, isEnabled, type, timeZone, retentionDays }).toEqual({
          task,
          isEnabled: isOn,
          type: 'DAILY',
          timeZone: 'UTC',
          retentionDays: null,
        });
      }
      const runs = list.flatMap(({ nextRunAt }) => (nextRunAt === null ? [] : [Date.parse(nextRunAt)]));
      expect(new Set(runs).size).toBe(taskNames.length - 2);
      for (const run of runs) {
        expect(run - Date.now()).toBeGreaterThan(0);
        expect(run - Date.now()).toBeLessThanOrEqual(24 * HOUR);
        expect(new Date(run).getUTCHours()).toBe(3);
      }
    });

    it('are made once: one that was deleted, renamed or changed stays so after the next start', async () => {
      const desk = await open();
      const [gone, renamed, changed, ...others]: Told[] = await desk.do('list');
      await desk.do('delete', { id: gone?.['id'] });
      await desk.do('update', { id: renamed?.['id'], input: inputOf(renamed as Told, { name: 'Mine' }) });
      await desk.do('setEnabled', { id: changed?.['id'], enabled: changed?.['isEnabled'] !== true });
      const before = await desk.do('list');
      const again = await desk.another();
      expect(await again.do('list')).toEqual(before);
      expect(before).toHaveLength(others.length + 2);
    });

    it('are one set, however many processes start at once', async () => {
      const desk = await open();
      await desk.app.database.rows('delete from default_schedules');
      for (const { id } of (await desk.do('list')) as Told[]) await desk.do('delete', { id });
      expect(await desk.do('list')).toEqual([]);
      await Promise.all(times(4, () => desk.another()));
      const jobs = (await desk.store.jobs()).filter(({ name }) => name === 'cleanup');
      expect(jobs.map(({ data }) => data['task'] as string).toSorted()).toEqual(taskNames.toSorted());
    });

    it('are completed by the next start where one died between making and recording them', async () => {
      const desk = await open();
      const before = await desk.do('list');
      await desk.app.database.rows(`delete from default_schedules where task in ('COPIES', 'JOBS')`);
      const gone = (before as Told[]).find(({ task }) => task === 'JOBS') as Told;
      await desk.do('delete', { id: gone['id'] });
      const again = await desk.another();
      const list: Told[] = await again.do('list');
      expect(list.map(({ name }) => name)).toEqual((before as Told[]).map(({ name }) => name));
      expect(await desk.app.database.rows('select 1 from default_schedules')).toHaveLength(taskNames.length);
    });
  });
}
