import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { taskNames } from '../../src/domain/cleanup/registry.js';
import { issue, makeAccount, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { ADMIN_PASSWORD, type Answer, post, type TestApp } from '../support/app.js';
import { makeDatabase, type TestDatabase } from '../support/database.js';
import { type DatabaseProxy, openDatabaseProxy } from '../support/database-proxy.js';
import { eventually } from '../support/eventually.js';
import { type MongoTestServer, startMongoServer } from '../support/mongo-server/launch.js';
import { endPrograms, type Program, startProgram } from '../support/program.js';
import { DAY, DOCUMENTS, inMs, type Operation, scheduleInput } from '../support/schedules.js';

const SHARED = {
  ADMIN_PASSWORD,
  RECOVERY_KEY: randomBytes(32).toString('base64url'),
  ADDRESS_FAILURES_PER_HOUR: '100000',
};
/** A real MongoDB is nobody's to kill. */
const itOnOwn = (process.env['MONGODB_URL'] ?? '') === '' ? it : it.skip;
// Far above what either takes, and far below what a client or an operator would wait for.
const ANSWERS_WITHIN_MS = 12_000;
const ENDS_WITHIN_MS = 9_000;
jest.setTimeout(90_000);

/** What needs the job store. */
const NEEDS_JOBS: readonly (readonly [Operation, Record<string, unknown>])[] = [
  ['list', {}],
  ['create', { input: scheduleInput() }],
  ['setEnabled', { id: '01890000-0000-7000-8000-000000000000', enabled: true }],
  ['runSchedule', { id: '01890000-0000-7000-8000-000000000000' }],
  ['run', { input: { task: 'COPIES' } }],
  ['counts', {}],
  ['flush', { target: 'ALL', confirm: true }],
];

let mongo: MongoTestServer;
let line: DatabaseProxy;
let database: TestDatabase;
let server: Program & { url: string };
let me: TestAccount;
let admin: TestAccount;

beforeAll(async () => {
  mongo = await startMongoServer();
  console.log(`These jobs are kept by ${mongo.engine}.`);
});
beforeEach(async () => {
  database = await makeDatabase();
  line = await openDatabaseProxy(mongo.url(`sparekey_${randomBytes(6).toString('hex')}`));
});
afterEach(async () => {
  await endPrograms();
  await line.close();
  await database.drop();
});
afterAll(() => mongo.stop());

/** A server that works, too. */
async function start(settings: Record<string, string> = { MONGODB_URL: line.url }): Promise<void> {
  server = await startProgram({ ...SHARED, DATABASE_URL: database.url, ...settings });
  me = await makeAccount(asked());
  admin = await signInAsAdmin(asked());
}

/** The server, for what makes accounts and batches. */
function asked(): Pick<TestApp, 'database' | 'post'> {
  return {
    database,
    post: async (query, variables, options) => (await post(server.url, { query, variables, ...options })) as never,
  };
}

const ask = async (operation: Operation, variables: Record<string, unknown> = {}): Promise<Answer> =>
  await post(server.url, { query: DOCUMENTS[operation], variables, token: admin.token });

async function ok(operation: Operation, variables?: Record<string, unknown>): Promise<any> {
  const { data, errors } = await ask(operation, variables);
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return Object.values(data)[0];
}

/** What is not the job store's. */
async function theRest(): Promise<unknown> {
  const { codes } = await issue(asked(), me);
  const query = 'mutation($code: String!) { verifyRecoveryCode(code: $code) { outcome } }';
  const { data } = await post(server.url, { query, variables: { code: codes[0] }, token: me.token });
  const [alive, ready] = await Promise.all(['healthz', 'readyz'].map((path) => fetch(`${server.url}/${path}`)));
  const { errors } = await ask('reports');
  return { code: data['verifyRecoveryCode'].outcome, alive: alive?.status, ready: ready?.status, errors };
}
const GOES_ON = { code: 'ACCEPTED', alive: 200, ready: 200, errors: [] };

/** What each operation that needs the job store answers, whether soon, and whether it tells what it should not. */
async function jobAnswers(): Promise<unknown> {
  return await Promise.all(
    NEEDS_JOBS.map(async ([operation, variables]) => {
      const before = performance.now();
      const { code, text } = await ask(operation, variables);
      const isSoon = performance.now() - before < ANSWERS_WITHIN_MS;
      return { operation, code, isSoon, isTelling: /mongo|ECONN|127\.0/i.test(text) };
    }),
  );
}
const ALL_UNAVAILABLE = NEEDS_JOBS.map(([operation]) => ({
  operation,
  code: 'JOBS_UNAVAILABLE',
  isSoon: true,
  isTelling: false,
}));

const areBack = async () => (await ask('counts')).errors.length === 0;
const createDue = async (inMilliseconds: number): Promise<string> => {
  const nextRunAt = inMs(inMilliseconds);
  const input = scheduleInput({ task: 'SESSIONS', runAt: inMs(-DAY), nextRunAt });
  return (await ok('create', { input })).id;
};
const hasRun = async (id: string) =>
  await eventually(
    async () => (await ask('find', { id })).data?.['cleanupSchedule']?.lastReport?.status === 'SUCCEEDED',
    20_000,
  );

/** How often a schedule has run, once a later one has, and one that was asked for. */
async function runsOf(id: string): Promise<number> {
  await hasRun(id);
  await hasRun(await createDue(1_000));
  const { status } = await ok('run', { input: { task: 'COPIES' } });
  if (status !== 'SUCCEEDED') throw new Error(`The run ended ${status}.`);
  return (await ok('find', { id })).reports.totalCount;
}

async function end(): Promise<unknown> {
  const before = performance.now();
  server.signal('SIGTERM');
  const exit = await server.ended;
  return { exit, isSoon: performance.now() - before < ENDS_WITHIN_MS };
}
const IN_ORDER = { exit: 0, isSoon: true };

describe('a server whose MongoDB is away', () => {
  it('at the start: starts, goes on without, and works from when it comes, with the schedules of a first start', async () => {
    await line.cut();
    await start();
    expect(await theRest()).toEqual(GOES_ON);
    expect(await jobAnswers()).toEqual(ALL_UNAVAILABLE);
    expect(await database.rows('select 1 from purge_reports')).toEqual([]);
    await line.restore();
    await eventually(areBack, 20_000);
    await eventually(async () => (await ok('list')).length === taskNames.length);
    expect(await runsOf(await createDue(500))).toBe(1);
    expect(await end()).toEqual(IN_ORDER);
  });

  it('from the start to the end: stops in time', async () => {
    await line.cut();
    await start();
    expect(await end()).toEqual(IN_ORDER);
  });

  itOnOwn('later, killed and started again with its data: the same, and what came due runs once', async () => {
    await start();
    const id = await createDue(3_000);
    await mongo.kill();
    expect(await jobAnswers()).toEqual(ALL_UNAVAILABLE);
    expect(await theRest()).toEqual(GOES_ON);
    expect(await database.rows('select 1 from purge_reports')).toEqual([]);
    await mongo.restart();
    await eventually(areBack, 20_000);
    expect(await runsOf(id)).toBe(1);
    expect(await ok('list')).toHaveLength(taskNames.length + 2);
    expect(await end()).toEqual(IN_ORDER);
  });

  it.each([
    ['cut', () => line.cut()],
    ['dead', async () => line.freeze()],
  ])('later, behind a line that is %s: the same', async (_how, breakIt) => {
    await start();
    const id = await createDue(3_000);
    await breakIt();
    expect(await jobAnswers()).toEqual(ALL_UNAVAILABLE);
    expect(await theRest()).toEqual(GOES_ON);
    expect(await database.rows('select 1 from purge_reports')).toEqual([]);
    await line.restore();
    await eventually(areBack, 20_000);
    expect(await runsOf(id)).toBe(1);
    expect(await end()).toEqual(IN_ORDER);
  });
});

describe('a server that keeps jobs in PostgreSQL', () => {
  it('works on when every connection of it was ended, and runs what is due once', async () => {
    await start({});
    const id = await createDue(2_000);
    for (let n = 0; n < 5; n += 1) {
      await database.rows(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
      );
      await delay(300);
    }
    expect(await runsOf(id)).toBe(1);
    expect(await theRest()).toEqual(GOES_ON);
    expect(await end()).toEqual(IN_ORDER);
  });

  it('ends soon after a run that it was asked for', async () => {
    await start({});
    expect(await ok('run', { input: { task: 'COPIES' } })).toMatchObject({ status: 'SUCCEEDED' });
    expect(await end()).toEqual(IN_ORDER);
  });
});
