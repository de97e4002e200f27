import { Command, InvalidArgumentError } from 'commander';
import type { Config } from '../config/config.js';
import { findReport } from '../domain/cleanup/read-reports.js';
import type { TaskName } from '../domain/cleanup/registry.js';
import type { Report } from '../domain/cleanup/report.js';
import { reportCursorOf } from '../domain/cleanup/report-cursor.js';
import { insertReport } from '../domain/cleanup/report-rows.js';
import { checkChoices, parametersOf, type RunParameters } from '../domain/cleanup/run-parameters.js';
import type { Database } from '../domain/database.js';
import { type Insistence, isMeant } from './is-meant.js';
import { runReport } from './run-report.js';
import { withStores } from './with-stores.js';
import { prepareStores } from '../stores.js';

/** A task as a command of its own. */
export interface CleanupCommand {
  readonly name: string;
  readonly task: TaskName;
  readonly description: string;
  /** What --days means; absent where the task knows no retention. */
  readonly days?: string;
  /** Printed first. */
  readonly began: (days: number) => string | undefined;
  readonly done: (report: Report) => string;
  readonly wouldDo: (report: Report) => string;
}

interface Options extends Insistence {
  readonly days?: number;
  readonly maxDeletions?: number;
  readonly json?: boolean;
}

/** Runs a task in this process and tells what it did, with the same report as any other run. */
export function cleanupCommand(about: CleanupCommand): Command {
  const command = new Command(about.name).description(about.description);
  if (about.days !== undefined) command.option('--days <n>', about.days, wholeNumber);
  return command
    .option('--max-deletions <n>', 'most rows that go; -1 is no limit', wholeNumber)
    .option('--dry-run', 'count, and remove nothing')
    .option('--json', 'print the report as JSON')
    .option('--yes', 'do not ask')
    .option('--noinput', 'the same')
    .action((options: Options) => runCommand(about, options));
}

/** What the fields of an input are called here. */
const OPTIONS = {
  retentionDays: '--days',
  maxDeletionsPerRun: '--max-deletions',
  deleteEmptyBatches: '--delete-empty-batches',
} as const;

function wholeNumber(text: string): number {
  if (!/^-?\d+$/.test(text)) throw new InvalidArgumentError('Give a whole number.');
  return Number(text);
}

async function runCommand(about: CleanupCommand, options: Options): Promise<void> {
  await withStores(async (stores, config) => {
    const parameters = parametersFrom(about.task, options, config);
    if (!(await isMeant(options, `Are you sure you want to run ${about.name}?`))) {
      console.log('Nothing was removed.');
      return;
    }
    await prepareStores(stores, config);
    const { db } = stores.connection;
    const began = about.began(parameters.retentionDays ?? 0);
    if (began !== undefined && options.json !== true) console.log(began);
    const report = await run(db, { config, parameters, options });
    print(about, report, options);
    process.exitCode = isDone(report) ? 0 : 1;
  });
}

function parametersFrom(task: TaskName, { days, maxDeletions }: Options, config: Config): RunParameters {
  const choices = { task, retentionDays: days, maxDeletionsPerRun: maxDeletions };
  checkChoices(choices, config, (name) => OPTIONS[name]);
  return parametersOf(choices, config);
}

async function run(
  db: Database,
  { config, parameters, options }: { config: Config; parameters: RunParameters; options: Options },
): Promise<Report> {
  const id = await insertReport(db, {
    ...parameters,
    trigger: 'CLI',
    isDryRun: options.dryRun === true,
    useLogger: config.purge.useLogger,
    emailReport: 'NEVER',
  });
  await runReport(db, { config, reportId: id as string, showsProgress: options.json !== true });
  return (await findReport(db, id as string)) as Report;
}

/** A cap that was asked for is no failure. */
function isDone({ status, isCapped }: Report): boolean {
  return status === 'SUCCEEDED' || (status === 'PARTIAL' && isCapped);
}

/** What is told of a report. */
export function reportForJson(report: Report) {
  const { deleteEmptyBatches: _, useLogger: __, emailReport: ___, emailStatus: ____, ...told } = report;
  return { ...told, cursor: told.cursor === null ? null : reportCursorOf(told.cursor) };
}

function print({ done, wouldDo }: CleanupCommand, report: Report, { json }: Options): void {
  if (json === true) {
    console.log(JSON.stringify(reportForJson(report), null, 2));
    return;
  }
  if (report.error !== null) console.error(`${report.status}: ${report.error}`);
  if (report.status === 'SKIPPED') return;
  console.log(report.isDryRun ? wouldDo(report) : done(report));
  if (report.isCapped) console.log('The limit ended it; there is more to remove.');
}
