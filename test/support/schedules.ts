import { randomUUID } from 'node:crypto';
import { signInAsAdmin } from './accounts.js';
import { type Answer, startTestApp, type TestApp } from './app.js';
import { makeDatabase } from './database.js';
import type { JobStores, JobStoreView, StoredJob } from './job-stores.js';
import { TOGETHER } from './later-app.js';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

type Variables = Record<string, unknown>;

export const SCHEDULE = `id name task type cron timeZone runAt nextRunAt lastRunAt isEnabled retentionDays deleteEmptyBatches
  maxDeletionsPerRun useLogger emailReport`;
export const REPORT = `id task status trigger isDryRun scheduleName startedAt finishedAt retentionDays total isCapped
  emailStatus error counts { name count } schedule { id } startedBy { id }`;

export const DOCUMENTS = {
  create: `mutation($input: CleanupScheduleInput!) { createCleanupSchedule(input: $input) { ${SCHEDULE} } }`,
  update: `mutation($id: ID!, $input: CleanupScheduleInput!) { updateCleanupSchedule(id: $id, input: $input) { ${SCHEDULE} } }`,
  setEnabled: `mutation($id: ID!, $enabled: Boolean!) { setCleanupScheduleEnabled(id: $id, enabled: $enabled) { ${SCHEDULE} } }`,
  delete: 'mutation($id: ID!) { deleteCleanupSchedule(id: $id) { acknowledged } }',
  runSchedule: `mutation($id: ID!) { runCleanupSchedule(id: $id) { ${REPORT} } }`,
  run: `mutation($input: RunCleanupInput!) { runCleanup(input: $input) { ${REPORT} } }`,
  cancel: `mutation($reportId: ID!) { cancelCleanup(reportId: $reportId) { ${REPORT} } }`,
  flush: `mutation($target: JobTarget!, $confirm: Boolean!, $dryRun: Boolean) {
    flushJobs(target: $target, confirm: $confirm, dryRun: $dryRun) { counts { name count } total isDryRun } }`,
  list: `{ cleanupSchedules { ${SCHEDULE} } }`,
  find: `query($id: ID!) { cleanupSchedule(id: $id) { ${SCHEDULE} lastReport { ${REPORT} }
    reports { totalCount edges { node { ${REPORT} } } } } }`,
  report: `query($id: ID!) { purgeReport(id: $id) { ${REPORT} } }`,
  reports: `query($filter: PurgeReportFilter, $first: Int, $after: String) {
    purgeReports(filter: $filter, first: $first, after: $after) {
      totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { ${REPORT} } } } }`,
  counts: '{ jobCounts { name count } }',
} as const;

export type Operation = keyof typeof DOCUMENTS;

/** A schedule or a report, as the API tells it. */
export type Told = Record<string, any>;

/** An app that keeps its jobs in the store under test, and an admin at it. */
export interface Desk {
  readonly app: TestApp;
  readonly adminId: string;
  readonly token: string;
  readonly store: JobStoreView;
  ask(operation: Operation, variables?: Variables): Promise<Answer>;
  /** What the operation answers; an error fails the test. */
  do(operation: Operation, variables?: Variables): Promise<any>;
  /** Another process at the same database, store and files. Closed with this one. */
  another(overrides?: Record<string, string>): Promise<Desk>;
  jobOf(scheduleId: string): Promise<StoredJob>;
  /** The same, asked with another token, or none. */
  as(token: string | undefined): Pick<Desk, 'ask'>;
  close(): Promise<void>;
}

export async function openDesk(stores: JobStores, overrides: Record<string, string> = {}): Promise<Desk> {
  const database = await makeDatabase();
  const store = stores.viewOf(database);
  const app = await startTestApp({ ...TOGETHER, ...store.settings, ...overrides }, { database });
  const others: TestApp[] = [];
  const { id: adminId, token } = await signInAsAdmin(app);
  const desk = deskOf({ app, store, others, adminId, token });
  return {
    ...desk,
    close: async () => {
      await Promise.all(others.map((other) => other.close()));
      await app.close();
      await database.drop();
    },
  };
}

function deskOf(of: {
  readonly app: TestApp;
  readonly store: JobStoreView;
  readonly others: TestApp[];
  readonly adminId: string;
  readonly token: string | undefined;
}): Desk {
  const { app, store, others, adminId, token } = of;
  const ask: Desk['ask'] = async (operation, variables = {}) =>
    await app.post(DOCUMENTS[operation], variables, { token });
  return {
    app,
    store,
    adminId,
    token: token ?? '',
    ask,
    async do(operation, variables) {
      const { data, errors } = await ask(operation, variables);
      if (errors.length > 0) throw new Error(JSON.stringify(errors));
      return Object.values(data)[0];
    },
    async another(overrides = {}) {
      const other = await startTestApp({ ...app.settings, ...overrides }, { database: app.database });
      others.push(other);
      return deskOf({ ...of, app: other });
    },
    as: (other) => deskOf({ ...of, token: other }),
    async jobOf(scheduleId) {
      const jobs = (await store.jobs()).filter(({ data }) => data['id'] === scheduleId);
      if (jobs.length !== 1) throw new Error(`This schedule has ${jobs.length} jobs.`);
      return jobs[0] as StoredJob;
    },
    close: async () => undefined,
  };
}

/** What is right for a new schedule: daily from tomorrow on, unless said otherwise. */
export function scheduleInput(others: Variables = {}): Variables & { name: string } {
  const runAt = new Date(Date.now() + DAY).toISOString();
  return { name: `S ${randomUUID()}`, task: 'RECOVERY_CODES', type: 'DAILY', runAt, ...others };
}

/** In so many milliseconds, to the millisecond. */
export function inMs(ms: number): string {
  return new Date(Date.now() + ms).toISOString();
}

/** What an update takes of a schedule as it was told. */
export function inputOf({ name, task, type, runAt, cron }: Told, others: Variables = {}): Variables {
  return { name, task, type, runAt, ...(type === 'CRON' ? { cron } : {}), ...others };
}

/** The regular reports of a schedule, oldest first. */
export async function reportsOf({ app }: Pick<Desk, 'app'>, scheduleId: string) {
  return await app.database.rows<{ id: string; status: string; trigger: string; dueAt: Date | null; task: string }>(
    'select id, status, trigger, due_at as "dueAt", task from purge_reports where schedule_id = $1 order by id',
    [scheduleId],
  );
}

/** Rows of the outbox that were delivered eight days ago, for the task OUTBOX to remove one by one. */
export async function fillOutbox({ app }: Pick<Desk, 'app'>, count: number): Promise<void> {
  await app.database.rows(
    `insert into outbox (id, topic, payload, delivered_at)
     select gen_random_uuid(), 'verification-wanted', '{}', now() - interval '8 days' from generate_series(1, $1::int)`,
    [count],
  );
}
