import { SingleBar } from 'cli-progress';
import type { Config } from '../config/config.js';
import { CleanupRunner } from '../domain/cleanup/cleanup-runner.js';
import { findReport } from '../domain/cleanup/read-reports.js';
import type { ChoreParts } from '../domain/cleanup/task.js';
import type { Database } from '../domain/database.js';
import type { IssuerLog } from '../domain/issuers/issuer-log.js';
import { KeyRefresh, type Refreshed } from '../domain/issuers/key-refresh.js';
import { signal } from '../domain/signals.js';
import { createFetchJson } from '../http-fetch/fetch-json.js';
import { createLogFaults } from '../log-faults.js';
import { createLogger } from '../server/logger.js';
import { elsewhere } from './elsewhere.js';

const LOOK_AGAIN_MS = 200;

interface RunWish {
  readonly config: Config;
  readonly reportId: string;
  readonly showsProgress: boolean;
  /** Told of each trusted issuer whose keys were fetched, or could not be. */
  readonly refreshed?: (one: Refreshed) => void;
}

/** Runs a report in this process, with a progress bar where a terminal looks on; Ctrl-C ends it after the chunk it is at. */
export async function runReport(
  db: Database,
  { config, reportId, showsProgress, refreshed = () => undefined }: RunWish,
): Promise<void> {
  const faults = createLogFaults(createLogger(config.server.logLevel));
  const runner = new CleanupRunner(db, {
    settings: config,
    finishedJobs: elsewhere,
    keyRefresh: keyRefreshOf(db, { config, log: faults.issuers, refreshed }),
    log: faults.runs,
    ended: () => undefined,
  });
  const stop = () => runner.stop();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const hide = showsProgress && process.stderr.isTTY ? showProgress(db, reportId) : () => undefined;
  try {
    await runner.run(reportId);
  } finally {
    hide();
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
  // The word of it waits in the outbox too, for a server that is not looking just now.
  await signal(db, 'sparekey_purge_reported', [reportId]);
}

function keyRefreshOf(
  db: Database,
  {
    config,
    log,
    refreshed,
  }: { readonly config: Config; readonly log: IssuerLog; readonly refreshed: (one: Refreshed) => void },
): ChoreParts['keyRefresh'] {
  const refresh = new KeyRefresh(db, { fetchJson: createFetchJson(config.issuers), ...config.issuers, log });
  return {
    due: () => refresh.due(),
    async *refreshAll(clients) {
      for await (const one of refresh.refreshAll(clients)) {
        refreshed(one);
        yield one;
      }
    },
  };
}

function showProgress(db: Database, reportId: string): () => void {
  const bar = new SingleBar({ format: '{bar} {value}/{total}', stream: process.stderr, clearOnComplete: true });
  bar.start(0, 0);
  const look = async () => {
    const report = await findReport(db, reportId);
    if (report?.eligible !== null && report !== undefined) bar.setTotal(Math.max(report.eligible, report.total));
    bar.update(report?.total ?? 0);
  };
  const looking = setInterval(() => void look().catch(() => undefined), LOOK_AGAIN_MS);
  return () => {
    clearInterval(looking);
    bar.stop();
  };
}
