import type { CleanupRunner as Runner } from '../../src/domain/cleanup/cleanup-runner.js';
import type { Report } from '../../src/domain/cleanup/report.js';
import type { Database } from '../../src/domain/database.js';
import { CleanupRunner, findReport, insertReport, loadConfig, parametersOf } from '../program.ts';

const noJobs = { remove: () => Promise.resolve(0), count: () => Promise.resolve(0) };
const noIssuers = { due: () => Promise.resolve([]), refreshAll: async function* () {} };

/** A purge of recovery codes in this process, with the defaults but for these settings. */
export interface CleanupRun {
  readonly runner: Runner;
  /** Runs it to its end. */
  run(): Promise<Report>;
}

export async function cleanupRun(db: Database, overrides: Readonly<Record<string, string>> = {}): Promise<CleanupRun> {
  const { config: settings } = loadConfig({ ...overrides });
  if (settings === undefined) throw new Error('These settings are none.');
  const reportId = await insertReport(db, {
    ...parametersOf({ task: 'RECOVERY_CODES' }, settings),
    trigger: 'MANUAL',
    isDryRun: false,
    useLogger: false,
    emailReport: 'NEVER',
  });
  const log = { detail: () => undefined, fault: ({ error }: { error: unknown }) => console.error(error) };
  const runner = new CleanupRunner(db, {
    settings,
    finishedJobs: noJobs,
    keyRefresh: noIssuers,
    log,
    ended: () => undefined,
  });
  return {
    runner,
    async run() {
      await runner.run(reportId as string);
      return (await findReport(db, reportId as string)) as Report;
    },
  };
}
