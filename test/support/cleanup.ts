import { CleanupRunner, type RunLog } from '../../src/domain/cleanup/cleanup-runner.js';
import type { FinishedJobs } from '../../src/domain/cleanup/finished-jobs.js';
import { findReport } from '../../src/domain/cleanup/read-reports.js';
import type { TaskName } from '../../src/domain/cleanup/registry.js';
import type { Report } from '../../src/domain/cleanup/report.js';
import { insertReport, type NewReport } from '../../src/domain/cleanup/report-rows.js';
import type { ChoreParts } from '../../src/domain/cleanup/task.js';
import { parametersOf } from '../../src/domain/cleanup/run-parameters.js';
import type { Database } from '../../src/domain/database.js';
import { loadConfig } from '../../src/config/load-config.js';
import type { Rules } from './rules.js';

export const noIssuers: ChoreParts['keyRefresh'] = { due: async () => [], refreshAll: async function* () {} };
const noJobs: FinishedJobs = { remove: async () => 0, count: async () => 0 };

export interface RunWish extends Partial<Omit<NewReport, 'task'>> {
  readonly task: TaskName;
  readonly settings?: Record<string, string>;
  readonly log?: RunLog;
  readonly finishedJobs?: FinishedJobs;
  readonly keyRefresh?: ChoreParts['keyRefresh'];
}

export const silent: RunLog = {
  detail: () => undefined,
  fault: ({ error }) => {
    throw error;
  },
};

/** A runner as a worker process has it, with the settings given. */
export function runnerOn(
  db: Database,
  { settings = {}, log = silent, finishedJobs = noJobs, keyRefresh = noIssuers }: Partial<RunWish> = {},
) {
  return new CleanupRunner(db, {
    settings: settingsOf(settings),
    finishedJobs,
    keyRefresh,
    log,
    ended: () => undefined,
  });
}

/** Asks for a run. Returns the id of its report. */
export async function askForRun(db: Database, wish: RunWish): Promise<string> {
  const id = await insertReport(db, {
    ...parametersOf({ task: wish.task }, settingsOf(wish.settings ?? {})),
    trigger: 'MANUAL',
    isDryRun: false,
    useLogger: false,
    emailReport: 'NEVER',
    ...wish,
  });
  if (id === undefined) throw new Error('This due time has a report.');
  return id;
}

/** Runs a cleanup to its end and returns its report. */
export async function cleanUp({ db }: Pick<Rules, 'db'>, wish: RunWish): Promise<Report> {
  const id = await askForRun(db, wish);
  await runnerOn(db, wish).run(id);
  return (await findReport(db, id)) as Report;
}

function settingsOf(overrides: Record<string, string>) {
  const { config, problems } = loadConfig({ HOST: '127.0.0.1', ...overrides });
  if (config === undefined) throw new Error(JSON.stringify(problems));
  return config;
}
