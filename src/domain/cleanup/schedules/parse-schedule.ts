import { BadUserInputError } from '../../errors.js';
import { isOneLine } from '../../one-line.js';
import type { DomainSettings } from '../../settings.js';
import type { TaskName } from '../registry.js';
import type { ReportMail } from '../report.js';
import { checkChoices } from '../run-parameters.js';
import { isCron } from './cron.js';
import { nextRun, type ScheduleType, type Timing } from './next-run.js';
import type { ScheduleData, ScheduleState, StoredSchedule } from './schedule.js';
import { isTimeZone } from './time-zone.js';

/** What an admin asks for. Absent: unchanged, or the default of a new one; null: the default. */
export interface ScheduleInput {
  readonly name: string;
  readonly task: TaskName;
  readonly type: ScheduleType;
  readonly cron?: string | null | undefined;
  readonly timeZone?: string | null | undefined;
  readonly runAt: Date;
  readonly nextRunAt?: Date | null | undefined;
  readonly isEnabled?: boolean | null | undefined;
  readonly retentionDays?: number | null | undefined;
  readonly deleteEmptyBatches?: boolean | null | undefined;
  readonly maxDeletionsPerRun?: number | null | undefined;
  readonly useLogger?: boolean | null | undefined;
  readonly emailReport?: ReportMail | null | undefined;
}

const MOST_NAME_CHARACTERS = 180;
const LATEST = Date.UTC(9999, 11, 31);

interface Parsing {
  readonly settings: DomainSettings;
  readonly now: Date;
  /** What it is now; undefined for a new one. */
  readonly current?: StoredSchedule | undefined;
  /** For a new one. */
  readonly id: string;
}

/** @throws BadUserInputError that names the field at fault; nothing is saved then */
export function parseSchedule(input: ScheduleInput, parsing: Parsing): ScheduleState {
  const { current, settings } = parsing;
  const data = dataOf(input, parsing);
  checkName(data.name);
  checkTiming(data);
  checkChoices(data, settings);
  const isEnabled = input.isEnabled === undefined ? (current?.isEnabled ?? true) : (input.isEnabled ?? true);
  // Looked at where it is disabled too, so that what is said of it makes sense when it is enabled.
  const nextRunAt = nextRunOf({ data, isEnabled }, input, parsing);
  return { data, isEnabled, nextRunAt: isEnabled ? nextRunAt : null };
}

function dataOf(input: ScheduleInput, { current, id }: Parsing): ScheduleData {
  const was: Partial<ScheduleData> = current?.data ?? {};
  const ofTask = was.task === input.task ? was : {};
  return {
    id: was.id ?? id,
    name: input.name,
    task: input.task,
    type: input.type,
    // What was said of a CRON schedule means nothing for another type.
    cron: chosen(input.cron, input.type === 'CRON' ? was.cron : null, null),
    timeZone: chosen(input.timeZone, was.timeZone, 'UTC'),
    runAt: isoOf(input.runAt),
    retentionDays: chosen(input.retentionDays, ofTask.retentionDays, null),
    deleteEmptyBatches: chosen(input.deleteEmptyBatches, ofTask.deleteEmptyBatches, null),
    maxDeletionsPerRun: chosen(input.maxDeletionsPerRun, was.maxDeletionsPerRun, null),
    useLogger: chosen(input.useLogger, was.useLogger, null),
    emailReport: chosen(input.emailReport, was.emailReport, 'NEVER'),
    revision: (was.revision ?? 0) + 1,
  };
}

/** Absent: as it was; null, or never said: the standard. */
function chosen<T>(given: T | null | undefined, was: T | null | undefined, standard: T): T {
  return (given === undefined ? was : given) ?? standard;
}

function isoOf(runAt: Date): string {
  const time = runAt.getTime();
  if (!(time >= 0 && time <= LATEST)) throw new BadUserInputError('input.runAt', 'Give a time from 1970 to 9999.');
  return runAt.toISOString();
}

function checkName(name: string): void {
  if (!isOneLine(name, MOST_NAME_CHARACTERS)) {
    throw new BadUserInputError('input.name', `Give one line of 1 to ${MOST_NAME_CHARACTERS} characters.`);
  }
}

function checkTiming({ type, cron, timeZone }: ScheduleData): void {
  if (!isTimeZone(timeZone)) {
    throw new BadUserInputError('input.timeZone', 'Give an IANA time zone, such as Europe/Berlin or UTC.');
  }
  if (type !== 'CRON' && cron !== null) throw new BadUserInputError('input.cron', 'Only type CRON takes this.');
  if (type === 'CRON' && (cron === null || !isCron(cron))) {
    const message = 'Give five fields (minute, hour, day of month, month, day of week) that come true some day.';
    throw new BadUserInputError('input.cron', message);
  }
}

/** The timing of a schedule, as times. */
export function timingOf({ type, cron, timeZone, runAt }: ScheduleData): Timing {
  return { type, cron, timeZone, runAt: new Date(runAt) };
}

function nextRunOf(
  state: Pick<ScheduleState, 'data' | 'isEnabled'>,
  input: ScheduleInput,
  parsing: Parsing,
): Date | null {
  const { nextRunAt, runAt } = input;
  if (!nextRunAt) return ruledRunOf(state, nextRunAt, parsing);
  checkNextRun(nextRunAt, { runAt, now: parsing.now, was: parsing.current?.nextRunAt });
  return nextRunAt;
}

/** By its rule; one that was moved stays moved while its timing stays, unless null was given. */
function ruledRunOf(
  { data, isEnabled }: Pick<ScheduleState, 'data' | 'isEnabled'>,
  given: null | undefined,
  { current, now }: Parsing,
): Date | null {
  const same = ofSameTiming(data, current);
  const kept = given === undefined ? same?.nextRunAt : null;
  const next = kept ?? nextRun(timingOf(data), now);
  // One whose time has come and gone may still be renamed, say.
  if (next !== null || (same !== undefined && !isEnabled)) return next;
  throw new BadUserInputError('input.runAt', 'This lies in the past, so that it would never run: give a later time.');
}

function checkNextRun(
  nextRunAt: Date,
  { runAt, now, was }: { readonly runAt: Date; readonly now: Date; readonly was: Date | null | undefined },
): void {
  if (nextRunAt < runAt) throw new BadUserInputError('input.nextRunAt', 'It must not be before runAt.');
  if (nextRunAt.getTime() > LATEST) throw new BadUserInputError('input.nextRunAt', 'Give a time up to 9999.');
  if (nextRunAt <= now && nextRunAt.getTime() !== was?.getTime()) {
    throw new BadUserInputError('input.nextRunAt', 'It lies in the past: run the schedule now instead.');
  }
}

function ofSameTiming(data: ScheduleData, current: StoredSchedule | undefined): StoredSchedule | undefined {
  const timings = [data, current?.data].map((of) => [of?.type, of?.cron, of?.timeZone, of?.runAt].join(' '));
  return timings[0] === timings[1] ? current : undefined;
}
