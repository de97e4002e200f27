import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { MARK } from './bad-values.js';
import type { JobStores, OpenJobStores } from './job-stores.js';
import {
  DAY,
  type Desk,
  HOUR,
  inMs,
  inputOf,
  openDesk,
  type Operation,
  scheduleInput,
  type Told,
} from './schedules.js';

interface Bad {
  /** Over what is right. */
  readonly input: Record<string, unknown>;
  /** Which argument is at fault. */
  readonly argument: string;
}

const bad = (argument: string, input: Record<string, unknown>): Bad => ({ argument: `input.${argument}`, input });

/** Bad for a schedule and for one run alike. */
const CHOICES: Readonly<Record<string, Bad>> = {
  'a negative retention': bad('retentionDays', { retentionDays: -1 }),
  'a retention of 37000 days': bad('retentionDays', { retentionDays: 37_000 }),
  'a retention of 0 for evidence': bad('retentionDays', { task: 'AUDIT_EVENTS', retentionDays: 0 }),
  'a retention below EVIDENCE_MIN_DAYS': bad('retentionDays', { task: 'PURGE_REPORTS', retentionDays: 8 }),
  'one below it for another': bad('retentionDays', { task: 'EMAIL_LOG', retentionDays: 8 }),
  'one below it for a third': bad('retentionDays', { task: 'BATCH_HISTORY', retentionDays: 8 }),
  'a retention of 0 for accounts': bad('retentionDays', { task: 'UNVERIFIED_ACCOUNTS', retentionDays: 0 }),
  'a retention for SESSIONS': bad('retentionDays', { task: 'SESSIONS', retentionDays: 30 }),
  'a retention for VERIFICATION_TOKENS': bad('retentionDays', { task: 'VERIFICATION_TOKENS', retentionDays: 1 }),
  'a retention for COPIES': bad('retentionDays', { task: 'COPIES', retentionDays: 0 }),
  'a retention for RATE_LIMITS': bad('retentionDays', { task: 'RATE_LIMITS', retentionDays: 1 }),
  'a retention for OUTBOX': bad('retentionDays', { task: 'OUTBOX', retentionDays: 7 }),
  'a retention for JOBS': bad('retentionDays', { task: 'JOBS', retentionDays: 7 }),
  'a cap of 0': bad('maxDeletionsPerRun', { maxDeletionsPerRun: 0 }),
  'a cap of -2': bad('maxDeletionsPerRun', { maxDeletionsPerRun: -2 }),
  'empty batches of another task': bad('deleteEmptyBatches', { task: 'COPIES', deleteEmptyBatches: false }),
  'empty batches of another task, wanted': bad('deleteEmptyBatches', { task: 'JOBS', deleteEmptyBatches: true }),
};

const cron = (text: string | null): Bad => bad('cron', { type: 'CRON', cron: text });
const SCHEDULES: Readonly<Record<string, Bad>> = {
  'a blank name': bad('name', { name: ' \u00a0\u3000' }),
  'an empty name': bad('name', { name: '' }),
  'a name of 181 characters': bad('name', { name: `${MARK}${'x'.repeat(173)}` }),
  'a name with a line break': bad('name', { name: `${MARK}\nx` }),
  'a name with NUL': bad('name', { name: `${MARK}\u0000` }),
  'a name with a lone surrogate': bad('name', { name: `${MARK}\ud800` }),
  'a name that turns the text round': bad('name', { name: `\u202e${MARK}` }),
  'an unknown zone': bad('timeZone', { timeZone: `Europe/${MARK}` }),
  'an offset for a zone': bad('timeZone', { timeZone: '+02:00' }),
  'an empty zone': bad('timeZone', { timeZone: '' }),
  'a zone of another system': bad('timeZone', { timeZone: 'PST' }),
  'a cron of words': cron(MARK),
  'an empty cron': cron(''),
  'a cron of six fields': cron('0 0 3 * * *'),
  'a cron of four fields': cron('0 3 * *'),
  'a cron out of range': cron('61 3 * * *'),
  'a cron for a day that never comes': cron('0 0 31 2 *'),
  'a macro for a cron': cron('@daily'),
  'CRON without cron': bad('cron', { type: 'CRON' }),
  'CRON with null': cron(null),
  'DAILY with cron': bad('cron', { cron: '0 3 * * *' }),
  'runAt before 1970': bad('runAt', { runAt: '1969-12-31T23:59:59.000Z' }),
  'nextRunAt before runAt': bad('nextRunAt', { runAt: inMs(2 * DAY), nextRunAt: inMs(DAY) }),
  'nextRunAt before runAt, disabled': bad('nextRunAt', {
    runAt: inMs(2 * DAY),
    nextRunAt: inMs(DAY),
    isEnabled: false,
  }),
  'nextRunAt in the past': bad('nextRunAt', { runAt: inMs(-2 * DAY), nextRunAt: inMs(-DAY) }),
  'ONCE in the past': bad('runAt', { type: 'ONCE', runAt: inMs(-HOUR) }),
  'ONCE in the past, disabled': bad('runAt', { type: 'ONCE', runAt: inMs(-HOUR), isEnabled: false }),
};

const THE_SCHEMA_KNOWS_NOT: Readonly<Record<string, Record<string, unknown>>> = {
  'an unknown task': { task: MARK },
  'an unknown type': { type: MARK },
  'an unknown mail': { emailReport: MARK },
  'a date that is none': { runAt: MARK },
  'a date without a zone': { runAt: '2027-01-01T00:00:00' },
  'a day that is none': { runAt: '2027-02-30T00:00:00Z' },
  'no runAt': { runAt: null },
  'no name': { name: null },
  'half a day': { retentionDays: 0.5 },
  'an unknown field': { [MARK]: 1 },
};

/** What is refused, wherever jobs are kept: by a code, with the argument's name, and nothing of it saved or echoed. */
export function badScheduleSuite(openStores: OpenJobStores): void {
  let stores: JobStores;
  let desk: Desk;

  beforeAll(async () => {
    stores = await openStores();
    desk = await openDesk(stores, { EVIDENCE_MIN_DAYS: '9', AUDIT_RETENTION_DAYS: '9' });
  });
  afterAll(async () => {
    await desk.close();
    await stores.close();
  });

  const create = async (others = {}): Promise<Told> => await desk.do('create', { input: scheduleInput(others) });

  /** All that is kept: jobs, reports, and what was noted of admins' doings. */
  async function kept(): Promise<unknown> {
    const reports = await desk.app.database.rows('select id, status from purge_reports order by id');
    const events = await desk.app.database.rows(`select id, action from audit_events order by id`);
    const jobs = (await desk.store.jobs()).map(({ name, disabled, nextRunAt, data }) => ({
      name,
      disabled,
      nextRunAt,
      data,
    }));
    return { reports, events, jobs };
  }

  interface Refusal {
    readonly extensions: readonly unknown[];
    readonly isEchoed: boolean;
    readonly isKept: boolean;
  }

  /** What an answer says, and whether anything of what was asked came back or was saved. */
  async function refusalOf(operation: Operation, variables: Record<string, unknown>): Promise<Refusal> {
    const before = await kept();
    const { errors, text } = await desk.ask(operation, variables);
    const isKept = !isDeepStrictEqual(await kept(), before);
    return { extensions: errors.map(({ extensions }) => extensions), isEchoed: text.includes(MARK), isKept };
  }

  const refused = (argument: string): Refusal => ({
    extensions: [{ code: 'BAD_USER_INPUT', argument }],
    isEchoed: false,
    isKept: false,
  });

  describe('a schedule is not made', () => {
    it.each(Object.entries({ ...CHOICES, ...SCHEDULES }))('with %s', async (_label, { input, argument }) => {
      expect(await refusalOf('create', { input: scheduleInput(input) })).toEqual(refused(argument));
    });

    it.each(Object.entries(THE_SCHEMA_KNOWS_NOT))('with %s', async (_label, input) => {
      const before = await kept();
      const { code, text } = await desk.ask('create', { input: scheduleInput(input) });
      expect(code).toBe('BAD_USER_INPUT');
      expect(text).not.toContain(MARK);
      expect(await kept()).toEqual(before);
    });
  });

  describe('a schedule is not changed', () => {
    it.each(Object.entries({ ...CHOICES, ...SCHEDULES }))('by %s', async (_label, { input, argument }) => {
      const schedule = await create();
      const change = { ...inputOf(schedule), ...input };
      expect(await refusalOf('update', { id: schedule['id'], input: change })).toEqual(refused(argument));
    });

    it('by another task, where it keeps what that one does not take', async () => {
      const { id, ...schedule } = await create({ task: 'EMAIL_LOG', retentionDays: 30 });
      const input = inputOf(schedule, { task: 'SESSIONS', retentionDays: 30 });
      expect(await refusalOf('update', { id, input })).toEqual(refused('input.retentionDays'));
    });

    it('by being enabled when its time has passed', async () => {
      const { id, ...schedule } = await create({ type: 'ONCE' });
      await desk.do('setEnabled', { id, enabled: false });
      const past = { ...schedule, runAt: inMs(-DAY) };
      await desk.store.changeData(id, { runAt: past.runAt });
      expect(await refusalOf('setEnabled', { id, enabled: true })).toEqual(refused('enabled'));
      const input = inputOf(past, { isEnabled: true });
      expect(await refusalOf('update', { id, input })).toEqual(refused('input.runAt'));
      // What does not ask for a run is still possible.
      const renamed = inputOf(past, { name: `R ${randomUUID()}` });
      expect(await desk.do('update', { id, input: renamed })).toMatchObject({
        name: renamed['name'],
        isEnabled: false,
      });
    });
  });

  describe('a name that another schedule has', () => {
    it.each(['create', 'update'] as const)('is in conflict: %s', async (operation) => {
      const [{ name }, other] = [await create(), await create()];
      const before = await kept();
      const input = operation === 'create' ? scheduleInput({ name }) : inputOf(other, { name });
      const { code, errors, text } = await desk.ask(operation, { id: other['id'], input });
      expect([code, errors[0]?.extensions?.['argument']]).toEqual(['CONFLICT', 'input.name']);
      expect(text).not.toContain(name);
      expect(await kept()).toEqual(before);
    });

    it('may differ in case or in blanks', async () => {
      const { name } = await create();
      for (const other of [name.toLowerCase(), `${name} `])
        expect(await create({ name: other })).toMatchObject({ name: other });
    });
  });

  describe('one run is not asked for', () => {
    it.each(Object.entries(CHOICES))('with %s', async (_label, { input, argument }) => {
      const wish = { task: 'RECOVERY_CODES', ...input };
      expect(await refusalOf('run', { input: wish })).toEqual(refused(argument));
      expect(await refusalOf('run', { input: { ...wish, dryRun: true } })).toEqual(refused(argument));
    });
  });

  describe('at the limits', () => {
    it.each([
      { retentionDays: 0 },
      { retentionDays: 36_500 },
      { maxDeletionsPerRun: 1 },
      { maxDeletionsPerRun: 2_147_483_647 },
      { task: 'AUDIT_EVENTS', retentionDays: 9 },
      { task: 'UNVERIFIED_ACCOUNTS', retentionDays: 1 },
      { name: 'x'.repeat(180) },
      { name: '🗝️'.repeat(90) },
      { runAt: '1970-01-01T00:00:00Z' },
      { runAt: '9999-12-30T00:00:00Z' },
      { type: 'CRON', cron: '0 0 29 2 *' },
      { timeZone: 'america/argentina/buenos_aires' },
    ])('%j is right', async (input) => {
      expect(await desk.do('create', { input: scheduleInput(input) })).toMatchObject({
        ...input,
        runAt: expect.anything(),
      });
    });
  });
}
