import { DateTime } from 'luxon';
import { nextCronRun } from './cron.js';
import { WallClock } from './time-zone.js';

export { isCron } from './cron.js';
export { isTimeZone } from './time-zone.js';

export type ScheduleType = 'ONCE' | 'HOURLY' | 'DAILY' | 'WEEKLY' | 'MONTHLY' | 'QUARTERLY' | 'YEARLY' | 'CRON';

/** When a schedule runs regularly. */
export interface Timing {
  readonly type: ScheduleType;
  /** Five fields; only with CRON. */
  readonly cron: string | null;
  /** A name of the time zone database. */
  readonly timeZone: string;
  /** The first run, which all but CRON count from; with CRON, no run is earlier. */
  readonly runAt: Date;
}

interface Period {
  readonly unit: 'days' | 'months';
  readonly length: number;
}

const HOUR_MS = 3_600_000;
const PERIODS = {
  DAILY: { unit: 'days', length: 1 },
  WEEKLY: { unit: 'days', length: 7 },
  MONTHLY: { unit: 'months', length: 1 },
  QUARTERLY: { unit: 'months', length: 3 },
  YEARLY: { unit: 'months', length: 12 },
} as const satisfies Partial<Record<ScheduleType, Period>>;

/** The first regular run after `after` and not before `runAt`; null where there is none. */
export function nextRun(timing: Timing, after: Date): Date | null {
  const next = nextInstant(timing, after.getTime());
  return next === null ? null : new Date(next);
}

function nextInstant(timing: Timing, after: number): number | null {
  const runAt = timing.runAt.getTime();
  if (timing.type === 'CRON') {
    return timing.cron === null ? null : nextCronRun(timing.cron, timing.timeZone, Math.max(after, runAt - 1));
  }
  if (after < runAt) return runAt;
  if (timing.type === 'ONCE') return null;
  if (timing.type === 'HOURLY') return after + HOUR_MS - ((after - runAt) % HOUR_MS);
  return nextOnCalendar(timing, PERIODS[timing.type], after);
}

/** Counts from `runAt` each time, so that a month too short for its day leaves the later ones alone. */
function nextOnCalendar(timing: Timing, { unit, length }: Period, after: number): number | null {
  const clock = new WallClock(timing.timeZone);
  const start = onCalendar(clock.wallAt(timing.runAt.getTime()));
  const whole = Math.floor(onCalendar(clock.wallAt(after)).diff(start, unit).as(unit) / length);
  // Moved out of a gap, the last one may be still to come; in the second pass of an overlap, the next one may be over.
  for (let periods = Math.max(1, whole); periods <= whole + 2; periods++) {
    const [instant] = clock.instantsAt(start.plus({ [unit]: periods * length }).toMillis());
    if (instant > after) return instant;
  }
  return null;
}

function onCalendar(wall: number): DateTime {
  return DateTime.fromMillis(wall, { zone: 'utc' });
}
