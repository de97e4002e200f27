import { Command } from 'commander';
import { Schedules } from '../domain/cleanup/schedules/schedules.js';
import { Jobs, type JobTarget } from '../domain/jobs/jobs.js';
import { noSignals } from '../domain/signals.js';
import { createJobQueue } from '../jobs/create-job-queue.js';
import { prepareStores } from '../stores.js';
import { type Insistence, isMeant } from './is-meant.js';
import { withStores } from './with-stores.js';

interface Options extends Insistence {
  readonly failed?: boolean;
  readonly finished?: boolean;
  readonly scheduled?: boolean;
  readonly all?: boolean;
  readonly json?: boolean;
}

/** What each target is called, as the messages have always said. */
const CALLED: Readonly<Record<JobTarget, string>> = {
  ALL: 'all tasks',
  FAILED: 'failed tasks',
  FINISHED: 'finished tasks',
  SCHEDULED: 'scheduler entries',
};

export const flushJobs = new Command('flush-jobs')
  .description('Remove jobs that have ended, or every cleanup schedule. Running jobs and queued mails stay.')
  .option('--failed', 'one-off jobs that ended in failure')
  .option('--finished', 'one-off jobs that ended well')
  .option('--scheduled', 'every cleanup schedule')
  .option('--all', 'the three together')
  .option('--dry-run', 'count, and remove nothing')
  .option('--json', 'print the counts as JSON')
  .option('--yes', 'do not ask')
  .option('--noinput', 'the same')
  .action(async (options: Options, command: Command) => {
    const targets = targetsOf(options);
    if (targets.length === 0) {
      command.error('No option specified. Use --failed, --finished, --scheduled, or --all.', { exitCode: 2 });
    }
    const called = targets.map((target) => CALLED[target]).join(' and ');
    if (!(await isMeant(options, `Are you sure you want to flush ${called}?`))) {
      console.log('Flush cancelled.');
      return;
    }
    await withJobs(async (jobs) => {
      for (const target of targets) await flush(jobs, target, options);
    });
  });

function targetsOf({ all, failed, finished, scheduled }: Options): JobTarget[] {
  if (all === true) return ['ALL'];
  return [
    ...(failed === true ? (['FAILED'] as const) : []),
    ...(finished === true ? (['FINISHED'] as const) : []),
    ...(scheduled === true ? (['SCHEDULED'] as const) : []),
  ];
}

async function flush(jobs: Jobs, target: JobTarget, { dryRun, json }: Options): Promise<void> {
  const flushed = dryRun === true ? await jobs.preview(target) : await jobs.remove(target, {});
  if (json === true) console.log(JSON.stringify({ target, ...flushed }));
  else if (flushed.isDryRun) console.log(`${flushed.total} ${CALLED[target]} would be cleared.`);
  else console.log(`Cleared ${flushed.total} ${CALLED[target]}.`);
}

async function withJobs(work: (jobs: Jobs) => Promise<void>): Promise<void> {
  await withStores(async (stores, config) => {
    await prepareStores(stores, config);
    const { db, pool } = stores.connection;
    const parts = { db, pool, signals: noSignals, stores: config.stores, onFault: () => undefined };
    const queue = await createJobQueue(parts);
    try {
      await queue.start(undefined, async () => undefined);
      await work(new Jobs(db, { jobs: queue, schedules: new Schedules(db, { settings: config, jobs: queue }) }));
    } finally {
      await queue.stop(0);
    }
  });
}
