import { CronExpressionParser } from 'cron-parser';
import { WallClock } from './time-zone.js';

const MINUTE_MS = 60_000;

/** What crontab(5) defines and no more: cron-parser would also take seconds, macros, `5/15`, `?`, `H`, `L` and `#`. */
const FIVE_FIELDS = ((): RegExp => {
  const number = String.raw`\d{1,2}`;
  const month = `(?:${number}|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)`;
  const weekday = `(?:${number}|sun|mon|tue|wed|thu|fri|sat)`;
  const fields = [number, number, number, month, weekday].map((value) => {
    const item = String.raw`(?:\*(?:/${number})?|${value}(?:-${value}(?:/${number})?)?)`;
    return `${item}(?:,${item})*`;
  });
  return new RegExp(String.raw`^[ \t]*${fields.join(String.raw`[ \t]+`)}[ \t]*$`, 'i');
})();

/** Whether this is a cron expression of five fields, as crontab(5) has them, that ever comes due. */
export function isCron(text: string): boolean {
  if (!FIVE_FIELDS.test(text)) return false;
  try {
    wallTimes(text, Date.UTC(2027, 0)).next();
    return true;
  } catch {
    return false;
  }
}

/**
 * The first time after `after` at which a cron expression that `isCron` accepts is due in a time zone. A wall time in a
 * gap comes due later, a wall time in an overlap once, unless the expression names every hour: then the hour that
 * comes twice is two hours.
 */
export function nextCronRun(cron: string, timeZone: string, after: number): number {
  const clock = new WallClock(timeZone);
  // Earlier wall times come due later than this one where the clocks change, so the search starts before all of them …
  const due = wallTimes(cron, after + clock.offsetsAround(after).least);
  const instantsOfOne = due.fields.hour.values.length === 24 ? 2 : 1;
  let wall: number;
  let first = Infinity;
  do {
    wall = due.next().getTime();
    const instants = clock.instantsAt(wall).slice(0, instantsOfOne);
    first = Math.min(first, ...instants.filter((instant) => instant > after));
    // … and ends only when no later wall time can come due sooner.
  } while (first === Infinity || wall + MINUTE_MS - clock.offsetsAround(first).greatest < first);
  return first;
}

/** In UTC, where no clock changes: in a zone, cron-parser skips a run that falls into a gap of half an hour. */
function wallTimes(cron: string, after: number): ReturnType<typeof CronExpressionParser.parse> {
  return CronExpressionParser.parse(cron, { currentDate: new Date(after), tz: 'UTC' });
}
