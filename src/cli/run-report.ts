import { SingleBar } from 'cli-progress';
import type { Config } from '../config/config.js';
import { CleanupRunner } from '../domain/cleanup/cleanup-runner.js';
import { findReport } from '../domain/cleanup/read-reports.js';
import type { Database } from '../domain/database.js';
import { signal } from '../domain/signals.js';
import { createLogFaults } from '../log-faults.js';
import { createLogger } from '../server/logger.js';
import { elsewhere } from './elsewhere.js';

const LOOK_AGAIN_MS = 200;

/** Runs a report in this process, with a progress bar where a terminal looks on; Ctrl-C ends it after the chunk it is at. */
export async function runReport(
  db: Database,
  {
    config,
    reportId,
    showsProgress,
  }: { readonly config: Config; readonly reportId: string; readonly showsProgress: boolean },
): Promise<void> {
  const logger = createLogger(config.server.logLevel);
  const runner = new CleanupRunner(db, {
    settings: config,
    finishedJobs: elsewhere,
    log: createLogFaults(logger).runs,
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
