import type { Job } from 'agenda';
import pLimit from 'p-limit';
import type { KeyRotation } from '../domain/accounts/key-rotation.js';
import type { CleanupRunner } from '../domain/cleanup/cleanup-runner.js';
import { forgottenReports, sweepOrphans } from '../domain/cleanup/orphans.js';
import type { ReportMails } from '../domain/cleanup/report-mails.js';
import { takeDueRun } from '../domain/cleanup/schedules/due-runs.js';
import type { CodeMailing } from '../domain/copies/code-mailing.js';
import type { Database } from '../domain/database.js';
import type { JobStore } from '../domain/jobs/job-store.js';
import { remindOfExpiringCodes } from '../domain/reminders/expiring-codes.js';
import { remindOfStaleAccounts } from '../domain/reminders/stale-accounts.js';
import type { DomainSettings } from '../domain/settings.js';
import { CODE_MAIL_JOB, REMINDERS_JOB, REPORT_MAIL_JOB, ROTATE_KEYS_JOB, RUN_JOB, SCHEDULE_JOB } from './job-names.js';

/** One kind of job and how it is done. */
export interface JobDefinition {
  readonly name: string;
  readonly concurrency: number;
  /** How long to wait before the next attempt, in milliseconds; null: there is none. */
  readonly backoff?: (failed: { readonly attempt: number; readonly error: Error }) => number | null;
  readonly work: (job: Job) => Promise<void>;
}

/** What a process that works does with jobs. */
export interface Worker {
  readonly jobs: readonly JobDefinition[];
  start(): void;
  /** Begins nothing more; resolves once it looks for nothing any more. Jobs under way go on to their end. */
  stop(): Promise<void>;
}

export interface WorkerParts {
  readonly db: Database;
  readonly settings: DomainSettings;
  readonly jobs: JobStore;
  readonly runner: CleanupRunner;
  /** Runs in this process, each of which holds a connection of its own; others wait. */
  readonly runsAtOnce: number;
  readonly reportMails: ReportMails;
  readonly codeMailing: CodeMailing;
  readonly keyRotation: Pick<KeyRotation, 'rotateIfDue'>;
  readonly onFault: (error: unknown) => void;
}

const SWEEP_MS = 60_000;
/** Of each kind: those that are due, and those asked for by hand. */
const RUNS_TAKEN_AT_ONCE = 2;
const MAILS_AT_ONCE = 5;
const MAIL_ATTEMPTS = 16;
/** As many as come within the time for which the copy is held: 11 minutes, and the last attempt. */
const CODE_MAIL_ATTEMPTS = 8;
const FIRST_WAIT_MS = 5_000;
const LONGEST_WAIT_MS = 6 * 3_600_000;

export function createWorker(parts: WorkerParts): Worker {
  let sweeping: NodeJS.Timeout | undefined;
  let swept: Promise<void> = Promise.resolve();
  const sweepOnce = () => {
    swept = sweep(parts).catch(parts.onFault);
  };
  return {
    jobs: definitions(parts),
    start() {
      sweepOnce();
      sweeping = setInterval(sweepOnce, SWEEP_MS);
    },
    async stop() {
      clearInterval(sweeping);
      parts.runner.stop();
      await swept;
    },
  };
}

function definitions(parts: WorkerParts): JobDefinition[] {
  const reminders = { name: REMINDERS_JOB, concurrency: 1, work: () => remind(parts) };
  const rotateKeys = { name: ROTATE_KEYS_JOB, concurrency: 1, work: () => rotateIfDue(parts) };
  return [...runDefinitions(parts), ...mailDefinitions(parts), reminders, rotateKeys];
}

function runDefinitions({ db, settings, jobs, runner, runsAtOnce }: WorkerParts): JobDefinition[] {
  const turns = pLimit(runsAtOnce);
  const run = (reportId: string) => turns(() => runner.run(reportId));
  return [
    {
      name: SCHEDULE_JOB,
      concurrency: RUNS_TAKEN_AT_ONCE,
      async work(job) {
        const reportId = await takeDueRun(db, { settings, jobs }, idIn(job, 'id'));
        if (reportId !== undefined) await run(reportId);
      },
    },
    { name: RUN_JOB, concurrency: RUNS_TAKEN_AT_ONCE, work: (job) => run(idIn(job, 'reportId')) },
  ];
}

function mailDefinitions({ reportMails, codeMailing }: WorkerParts): JobDefinition[] {
  return [
    {
      name: REPORT_MAIL_JOB,
      concurrency: MAILS_AT_ONCE,
      backoff: mailBackoff(MAIL_ATTEMPTS),
      work: (job) => reportMails.deliver(idIn(job, 'reportId'), { isLastAttempt: attemptOf(job) >= MAIL_ATTEMPTS }),
    },
    {
      name: CODE_MAIL_JOB,
      concurrency: MAILS_AT_ONCE,
      backoff: mailBackoff(CODE_MAIL_ATTEMPTS),
      work: (job) => {
        const mail = { batchId: idIn(job, 'batchId'), mailId: idIn(job, 'mailId') };
        return codeMailing.attempt(mail, { isLastAttempt: attemptOf(job) >= CODE_MAIL_ATTEMPTS });
      },
    },
  ];
}

async function rotateIfDue({ keyRotation }: WorkerParts): Promise<void> {
  await keyRotation.rotateIfDue();
}

async function remind({ db, settings: { purge, accounts } }: WorkerParts): Promise<void> {
  await remindOfExpiringCodes(db);
  const { staleAccountDays } = purge;
  const { staleReminderDays } = accounts;
  await remindOfStaleAccounts(db, { staleAccountDays, staleReminderDays });
}

function idIn({ attrs }: Job, key: string): string {
  return String((attrs.data as Readonly<Record<string, unknown>>)[key]);
}

function attemptOf({ attrs }: Job): number {
  return (attrs.failCount ?? 0) + 1;
}

/** 5 s, 10 s, 20 s … up to 6 h; given up after so many attempts, or at once where trying again is of no use. */
function mailBackoff(attempts: number): NonNullable<JobDefinition['backoff']> {
  return ({ attempt, error }) => {
    const isPermanent = 'isPermanent' in error && error.isPermanent === true;
    if (isPermanent || attempt >= attempts) return null;
    return Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS);
  };
}

/** Ends what died, and asks again for what was asked for and forgotten. */
async function sweep({ db, jobs, codeMailing }: WorkerParts): Promise<void> {
  await codeMailing.endOverdue();
  await sweepOrphans(db);
  for (const id of await forgottenReports(db)) {
    // One whose job waits for a worker that is free is not forgotten.
    if (!(await jobs.isRunQueued(id))) await jobs.queueRun(id);
  }
}
