import { BadUserInputError } from '../errors.js';
import type { DomainSettings } from '../settings.js';
import { type TaskName, taskOf } from './registry.js';

/** What may be said of one run, or of all runs of a schedule. Null and absent: as the settings say. */
export interface RunChoices {
  readonly task: TaskName;
  readonly retentionDays?: number | null | undefined;
  /** -1: unlimited. */
  readonly maxDeletionsPerRun?: number | null | undefined;
  readonly deleteEmptyBatches?: boolean | null | undefined;
}

/** What a run goes by. */
export interface RunParameters {
  readonly task: TaskName;
  /** Null where the task knows none, or where nobody has said how long. */
  readonly retentionDays: number | null;
  /** Null: unlimited. */
  readonly maxDeletions: number | null;
  readonly deleteEmptyBatches: boolean;
}

const MOST_DAYS = 36_500;
export const UNLIMITED = -1;

/** @throws BadUserInputError that names the field, for what this task does not take or not so */
export function checkChoices(choices: RunChoices, settings: DomainSettings, nameOf = inputField): void {
  checkRetention(choices, settings, nameOf('retentionDays'));
  const cap = choices.maxDeletionsPerRun;
  if (isGiven(cap) && cap !== UNLIMITED && !(Number.isInteger(cap) && cap >= 1)) {
    throw new BadUserInputError(nameOf('maxDeletionsPerRun'), 'Give at least 1, or -1 for no limit.');
  }
  if (isGiven(choices.deleteEmptyBatches) && choices.task !== 'RECOVERY_CODES') {
    throw new BadUserInputError(nameOf('deleteEmptyBatches'), 'Only RECOVERY_CODES takes this.');
  }
}

function isGiven<T>(choice: T | null | undefined): choice is T {
  return choice !== null && choice !== undefined;
}

type ChoiceName = Exclude<keyof RunChoices, 'task'>;

function inputField(name: ChoiceName): string {
  return `input.${name}`;
}

function checkRetention({ task, retentionDays }: RunChoices, settings: DomainSettings, path: string): void {
  if (!isGiven(retentionDays)) return;
  const rule = taskOf(task).retention;
  if (rule.kind !== 'days') throw new BadUserInputError(path, `${task} does not take a retention.`);
  const least = rule.least(settings);
  if (!Number.isInteger(retentionDays) || retentionDays < least || retentionDays > MOST_DAYS) {
    throw new BadUserInputError(path, `Give ${least} to ${MOST_DAYS} days, or none for the configured default.`);
  }
}

/** What choices mean under these settings. */
export function parametersOf(choices: RunChoices, settings: DomainSettings): RunParameters {
  const { task, deleteEmptyBatches } = choices;
  const cap = choices.maxDeletionsPerRun ?? settings.purge.maxDeletionsPerRun;
  const rule = taskOf(task).retention;
  const standard = rule.kind === 'days' ? rule.standard(settings) : undefined;
  return {
    task,
    retentionDays: choices.retentionDays ?? standard ?? null,
    maxDeletions: cap === UNLIMITED ? null : cap,
    deleteEmptyBatches: deleteEmptyBatches ?? true,
  };
}

/** Why a run with these parameters does not take place; undefined where it does. Asked again when it begins. */
export function hindranceOf(
  { task, retentionDays }: Pick<RunParameters, 'task' | 'retentionDays'>,
  settings: DomainSettings,
): { readonly status: 'SKIPPED' | 'FAILED'; readonly error: string } | undefined {
  const { retention, switchedOff } = taskOf(task);
  const off = switchedOff?.(settings);
  if (off !== undefined) return { status: 'SKIPPED', error: off };
  if (retention.kind !== 'days') return undefined;
  if (retentionDays === null) return { status: 'SKIPPED', error: 'Switched off: no retention is configured.' };
  const least = retention.least(settings);
  if (retentionDays >= least) return undefined;
  return { status: 'FAILED', error: `The retention is below the least that is allowed now, ${least} days.` };
}
