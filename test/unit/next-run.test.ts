import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DateTime } from 'luxon';
import {
  isCron,
  isTimeZone,
  nextRun,
  type ScheduleType,
  type Timing,
} from '../../src/domain/cleanup/schedules/next-run.js';

const NEW_YORK = 'America/New_York';
const BERLIN = 'Europe/Berlin';
const LORD_HOWE = 'Australia/Lord_Howe';
const APIA = 'Pacific/Apia';
const CAIRO = 'Africa/Cairo';
const SAO_PAULO = 'America/Sao_Paulo';
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Type or expression | time zone | first run | after | the next runs. */
const RUNS = `
# Month ends are counted from the first run's own day.
MONTHLY | UTC | 2027-01-31T09:00 | 1970-01-01 | 2027-01-31T09:00+00:00 2027-02-28T09:00+00:00 2027-03-31T09:00+00:00
MONTHLY | Europe/Berlin | 2028-01-30T09:00 | 2028-01-30T09:00 | 2028-02-29T09:00+01:00 2028-03-30T09:00+02:00
QUARTERLY | Europe/Berlin | 2026-11-30T09:00 | 2027-01-01 | 2027-02-28T09:00+01:00 2027-05-30T09:00+02:00 2027-08-30T09:00+02:00
YEARLY | UTC | 2024-02-29T12:00 | 2024-03-01 | 2025-02-28T12:00+00:00 2026-02-28T12:00+00:00 2027-02-28T12:00+00:00 2028-02-29T12:00+00:00 2029-02-28T12:00+00:00
YEARLY | UTC | 2096-02-29T12:00 | 2099-06-01 | 2100-02-28T12:00+00:00 2101-02-28T12:00+00:00
# It is the schedule's own day that counts: the last of January there is the 30th or the first elsewhere.
MONTHLY | Pacific/Auckland | 2027-01-31T01:00 | 1970-01-01 | 2027-01-31T01:00+13:00 2027-02-28T01:00+13:00 2027-03-31T01:00+13:00
MONTHLY | Pacific/Honolulu | 2027-01-31T22:00 | 1970-01-01 | 2027-01-31T22:00-10:00 2027-02-28T22:00-10:00 2027-03-31T22:00-10:00
# In a gap the wall time moves forward.
DAILY | America/New_York | 2027-03-12T02:30 | 2027-03-13 | 2027-03-13T02:30-05:00 2027-03-14T03:30-04:00 2027-03-15T02:30-04:00
30 2 * * * | America/New_York | 2027-03-12T02:30 | 2027-03-13 | 2027-03-13T02:30-05:00 2027-03-14T03:30-04:00 2027-03-15T02:30-04:00
30 2,3 * * * | America/New_York | 2027-03-12T02:30 | 2027-03-14 | 2027-03-14T03:30-04:00 2027-03-15T02:30-04:00 2027-03-15T03:30-04:00
40 2-3 * * * | America/New_York | 2027-03-12T02:30 | 2027-03-14T03:39 | 2027-03-14T03:40-04:00 2027-03-15T02:40-04:00
MONTHLY | America/New_York | 2027-02-14T02:30 | 2027-02-15 | 2027-03-14T03:30-04:00 2027-04-14T02:30-04:00
DAILY | Europe/Berlin | 2027-03-27T02:00 | 1970-01-01 | 2027-03-27T02:00+01:00 2027-03-28T03:00+02:00 2027-03-29T02:00+02:00
WEEKLY | Europe/Berlin | 2027-03-21T02:59 | 1970-01-01 | 2027-03-21T02:59+01:00 2027-03-28T03:59+02:00 2027-04-04T02:59+02:00
DAILY | Australia/Lord_Howe | 2027-10-02T02:15 | 1970-01-01 | 2027-10-02T02:15+10:30 2027-10-03T02:45+11:00 2027-10-04T02:15+11:00
15 2 * * * | Australia/Lord_Howe | 2027-10-02T02:15 | 1970-01-01 | 2027-10-02T02:15+10:30 2027-10-03T02:45+11:00 2027-10-04T02:15+11:00
0 2 * * * | Australia/Lord_Howe | 2027-10-02T02:00 | 1970-01-01 | 2027-10-02T02:00+10:30 2027-10-03T02:30+11:00 2027-10-04T02:00+11:00
0,15,40 2 * * * | Australia/Lord_Howe | 2027-10-03T00:00 | 1970-01-01 | 2027-10-03T02:30+11:00 2027-10-03T02:40+11:00 2027-10-03T02:45+11:00 2027-10-04T02:00+11:00
# At midnight, when the day itself begins later.
DAILY | America/Sao_Paulo | 2018-11-03T00:00 | 1970-01-01 | 2018-11-03T00:00-03:00 2018-11-04T01:00-02:00 2018-11-05T00:00-02:00
0 0 4 11 * | America/Sao_Paulo | 2018-01-01 | 1970-01-01 | 2018-11-04T01:00-02:00 2019-11-04T00:00-03:00
WEEKLY | Africa/Cairo | 2023-04-21T00:30 | 1970-01-01 | 2023-04-21T00:30+02:00 2023-04-28T01:30+03:00 2023-05-05T00:30+03:00
30 0 * * 5 | Africa/Cairo | 2023-04-21T00:30 | 1970-01-01 | 2023-04-21T00:30+02:00 2023-04-28T01:30+03:00 2023-05-05T00:30+03:00
# A whole day that there never was: its run is the next day's.
DAILY | Pacific/Apia | 2011-12-29T12:00 | 1970-01-01 | 2011-12-29T12:00-10:00 2011-12-31T12:00+14:00 2012-01-01T12:00+14:00
0 12 * * * | Pacific/Apia | 2011-12-29T12:00 | 1970-01-01 | 2011-12-29T12:00-10:00 2011-12-31T12:00+14:00 2012-01-01T12:00+14:00
MONTHLY | Pacific/Apia | 2011-11-30T12:00 | 1970-01-01 | 2011-11-30T12:00-10:00 2011-12-31T12:00+14:00 2012-01-30T12:00+14:00
0 12 30 12 * | Pacific/Apia | 2010-01-01 | 2011-01-01 | 2011-12-31T12:00+14:00 2012-12-30T12:00+14:00
# In an overlap the first counts, and only once.
DAILY | America/New_York | 2027-11-06T01:30 | 1970-01-01 | 2027-11-06T01:30-04:00 2027-11-07T01:30-04:00 2027-11-08T01:30-05:00
30 1 * * * | America/New_York | 2027-11-06T01:30 | 1970-01-01 | 2027-11-06T01:30-04:00 2027-11-07T01:30-04:00 2027-11-08T01:30-05:00
*/30 1,2 * * * | America/New_York | 2027-11-07T00:00 | 1970-01-01 | 2027-11-07T01:00-04:00 2027-11-07T01:30-04:00 2027-11-07T02:00-05:00 2027-11-07T02:30-05:00 2027-11-08T01:00-05:00
30 1 * * * | America/New_York | 2027-11-06T01:30 | 2027-11-07T01:10-05:00 | 2027-11-08T01:30-05:00
DAILY | America/New_York | 2027-11-06T01:30 | 2027-11-07T01:10-05:00 | 2027-11-08T01:30-05:00
DAILY | Europe/Berlin | 2027-10-30T02:30 | 1970-01-01 | 2027-10-30T02:30+02:00 2027-10-31T02:30+02:00 2027-11-01T02:30+01:00
30 2 * * * | Europe/Berlin | 2027-10-30T02:30 | 1970-01-01 | 2027-10-30T02:30+02:00 2027-10-31T02:30+02:00 2027-11-01T02:30+01:00
DAILY | Europe/London | 2027-10-30T01:30 | 1970-01-01 | 2027-10-30T01:30+01:00 2027-10-31T01:30+01:00 2027-11-01T01:30+00:00
DAILY | Australia/Lord_Howe | 2027-04-03T01:45 | 1970-01-01 | 2027-04-03T01:45+11:00 2027-04-04T01:45+11:00 2027-04-05T01:45+10:30
45 1 * * * | Australia/Lord_Howe | 2027-04-03T01:45 | 1970-01-01 | 2027-04-03T01:45+11:00 2027-04-04T01:45+11:00 2027-04-05T01:45+10:30
DAILY | Africa/Cairo | 2023-10-25T23:30 | 1970-01-01 | 2023-10-25T23:30+03:00 2023-10-26T23:30+03:00 2023-10-27T23:30+02:00
YEARLY | Europe/Berlin | 2021-10-31T02:30+01:00 | 2021-11-01 | 2022-10-31T02:30+01:00 2023-10-31T02:30+01:00
YEARLY | Europe/Berlin | 2021-10-31T02:30+01:00 | 2026-11-01 | 2027-10-31T02:30+02:00 2028-10-31T02:30+01:00
# The first run is exactly when the administrator said, also when that is the second of the two.
DAILY | America/New_York | 2027-11-07T01:30-05:00 | 1970-01-01 | 2027-11-07T01:30-05:00 2027-11-08T01:30-05:00
30 1 * * * | America/New_York | 2027-11-07T01:30-05:00 | 1970-01-01 | 2027-11-08T01:30-05:00 2027-11-09T01:30-05:00
# What runs every hour is not moved by its clocks: an hour that comes twice is two hours.
HOURLY | America/New_York | 2027-11-07T00:30 | 1970-01-01 | 2027-11-07T00:30-04:00 2027-11-07T01:30-04:00 2027-11-07T01:30-05:00 2027-11-07T02:30-05:00
30 * * * * | America/New_York | 2027-11-07T00:30 | 1970-01-01 | 2027-11-07T00:30-04:00 2027-11-07T01:30-04:00 2027-11-07T01:30-05:00 2027-11-07T02:30-05:00
15,45 * * * * | Australia/Lord_Howe | 2027-04-04T01:00 | 1970-01-01 | 2027-04-04T01:15+11:00 2027-04-04T01:45+11:00 2027-04-04T01:45+10:30 2027-04-04T02:15+10:30
HOURLY | America/New_York | 2027-03-14T00:30 | 1970-01-01 | 2027-03-14T00:30-05:00 2027-03-14T01:30-05:00 2027-03-14T03:30-04:00 2027-03-14T04:30-04:00
30 * * * * | America/New_York | 2027-03-14T00:30 | 1970-01-01 | 2027-03-14T00:30-05:00 2027-03-14T01:30-05:00 2027-03-14T03:30-04:00 2027-03-14T04:30-04:00
HOURLY | Australia/Lord_Howe | 2027-10-03T01:15 | 1970-01-01 | 2027-10-03T01:15+10:30 2027-10-03T02:45+11:00 2027-10-03T03:45+11:00
# A cron run exactly at the start counts; one exactly at the time asked about does not.
0 9 * * * | UTC | 2027-01-01T09:00 | 1970-01-01 | 2027-01-01T09:00+00:00 2027-01-02T09:00+00:00
0 9 * * * | UTC | 2027-01-01T09:01 | 1970-01-01 | 2027-01-02T09:00+00:00
0 9 * * * | UTC | 2027-01-01T09:00 | 2027-01-01T09:00 | 2027-01-02T09:00+00:00
0 9 * * MON-FRI | Europe/Berlin | 2027-01-01 | 2027-03-26T12:00 | 2027-03-29T09:00+02:00 2027-03-30T09:00+02:00
0 9 13 * 5 | UTC | 2027-08-01 | 1970-01-01 | 2027-08-06T09:00+00:00 2027-08-13T09:00+00:00 2027-08-20T09:00+00:00
0 0 29 2 * | UTC | 2027-01-01 | 2096-03-01 | 2104-02-29T00:00+00:00 2108-02-29T00:00+00:00
`;

function tableOf(text: string): string[][] {
  const rows = text.split('\n').filter((line) => line.includes('|'));
  return rows.map((row) => row.split('|').map((cell) => cell.trim()));
}

/** A CRON timing is written as its expression. */
function timing(type: string, timeZone: string, runAt: string): Timing {
  const isType = /^[A-Z]+$/.test(type);
  const at = DateTime.fromISO(runAt, { zone: timeZone }).toJSDate();
  return { type: isType ? (type as ScheduleType) : 'CRON', cron: isType ? null : type, timeZone, runAt: at };
}

function runs(of: Timing, after: Date, isWanted: (run: Date, index: number) => boolean): Date[] {
  const found: Date[] = [];
  for (let run = nextRun(of, after); run !== null && isWanted(run, found.length); run = nextRun(of, run))
    found.push(run);
  return found;
}

function runsOfYear(of: Timing, year: number): Date[] {
  const start = DateTime.fromObject({ year }, { zone: of.timeZone });
  const end = start.plus({ years: 1 }).toMillis();
  return runs(of, new Date(start.toMillis() - 1), (run) => run.getTime() < end);
}

const local = (run: Date, zone: string): string => DateTime.fromJSDate(run, { zone }).toFormat("yyyy-MM-dd'T'HH:mmZZ");
const wall = (run: Date, zone: string): string => local(run, zone).slice(0, 16);

function daysOf(year: number): string[] {
  const days = (Date.UTC(year + 1, 0) - Date.UTC(year, 0)) / DAY_MS;
  return Array.from({ length: days }, (_, day) => new Date(Date.UTC(year, 0, 1 + day)).toISOString().slice(0, 10));
}

describe('The next runs', () => {
  it.each(tableOf(RUNS))('of %s in %s from %s, after %s, are %s', (type, zone, runAt, after, expected) => {
    const count = expected.split(' ').length;
    const start = DateTime.fromISO(after, { zone }).toJSDate();
    const found = runs(timing(type, zone, runAt), start, (_, index) => index < count);
    expect(found.map((run) => local(run, zone)).join(' ')).toBe(expected);
    for (const run of found) expect(nextRun(timing(type, zone, runAt), new Date(run.getTime() - 1))).toEqual(run);
  });

  it('of what runs once is its time, or none', () => {
    const once = timing('ONCE', BERLIN, '2027-06-01T12:00:00.123');
    const at = once.runAt.getTime();
    expect(nextRun(once, new Date(0))).toEqual(once.runAt);
    expect(nextRun(once, new Date(at - 1))).toEqual(once.runAt);
    expect(nextRun(once, new Date(at))).toBeNull();
    expect(nextRun(once, new Date(at + 1))).toBeNull();
  });

  it('of a cron schedule without an expression are none', () => {
    expect(nextRun({ ...timing('* * * * *', 'UTC', '2027-01-01'), cron: null }, new Date(0))).toBeNull();
  });

  it('are dates of their own', () => {
    const once = timing('ONCE', 'UTC', '2027-06-01T12:00');
    expect(nextRun(once, new Date(0))).not.toBe(once.runAt);
  });
});

describe.each([2027, 2028])('Over the year %i', (year) => {
  const days = daysOf(year);
  const isLeap = days.length === 366;

  /** Where a clock change lets a wall time pass: the day and what its clocks show instead. */
  const GAPS: Record<string, Record<string, string>> = {
    UTC: {},
    [NEW_YORK]: { '2027-03-14': '03:15', '2028-03-12': '03:15' },
    [BERLIN]: { '2027-03-28': '03:15', '2028-03-26': '03:15' },
    [LORD_HOWE]: { '2027-10-03': '02:45', '2028-10-01': '02:45' },
  };
  const FIRST_OF_TWO: Record<string, Record<number, string>> = {
    [NEW_YORK]: { 2027: '2027-11-07T01:45-04:00', 2028: '2028-11-05T01:45-04:00' },
    [LORD_HOWE]: { 2027: '2027-04-04T01:45+11:00', 2028: '2028-04-02T01:45+11:00' },
  };

  describe.each(Object.entries(GAPS))('in %s', (zone, gaps) => {
    const at = (type: string, runAt: string) => runsOfYear(timing(type, zone, runAt), year);
    const walls = (found: Date[]) => found.map((run) => wall(run, zone));
    const at0215 = days.map((day) => `${day}T${gaps[day] ?? '02:15'}`);

    it('HOURLY runs every 60 minutes', () => {
      const found = at('HOURLY', `${year - 1}-12-31T23:15`);
      expect(found).toHaveLength(days.length * 24);
      expect(wall(found[0]!, zone)).toBe(`${year}-01-01T00:15`);
      const late = found.filter((run, index) => run.getTime() !== found[0]!.getTime() + index * HOUR_MS);
      expect(late).toEqual([]);
    });

    it.each(['DAILY', '15 2 * * *'])('%s runs each day once, at its wall time', (type) => {
      expect(walls(at(type, `${year - 1}-12-30T02:15`))).toEqual(at0215);
    });

    it.each(['DAILY', '45 1 * * *'])('%s runs once where its wall time comes twice', (type) => {
      const found = at(type, `${year - 1}-12-30T01:45`);
      expect(walls(found)).toEqual(days.map((day) => `${day}T01:45`));
      const first = FIRST_OF_TWO[zone]?.[year];
      if (first !== undefined) expect(found.map((run) => local(run, zone))).toContain(first);
    });

    it.each(['WEEKLY', '15 2 * * sun'])('%s runs each Sunday at its wall time', (type) => {
      const sunday = DateTime.fromObject({ year, month: 1, day: 1, hour: 2, minute: 15 }, { zone }).endOf('week');
      const runAt = sunday.minus({ weeks: 3 }).toFormat("yyyy-MM-dd'T02:15'");
      const sundays = at0215.filter((time) => new Date(`${time}Z`).getUTCDay() === 0);
      expect(walls(at(type, runAt))).toEqual(sundays);
      expect(sundays.some((time) => !time.endsWith('02:15'))).toBe(zone !== 'UTC');
    });

    it('MONTHLY runs on the last day when the month is too short', () => {
      const lastDays = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
      const expected = lastDays.map((day, month) => `${year}-${String(month + 1).padStart(2, '0')}-${day}T23:45`);
      expect(walls(at('MONTHLY', `${year - 1}-08-31T23:45`))).toEqual(expected);
    });

    it('QUARTERLY runs every third month', () => {
      const february = isLeap ? '02-29' : '02-28';
      const expected = [february, '05-30', '08-30', '11-30'].map((day) => `${year}-${day}T00:00`);
      expect(walls(at('QUARTERLY', `${year - 2}-11-30T00:00`))).toEqual(expected);
    });

    it('YEARLY runs on 29 February in a leap year, else on the 28th', () => {
      expect(walls(at('YEARLY', '2024-02-29T12:00'))).toEqual([`${year}-02-${isLeap ? '29' : '28'}T12:00`]);
    });

    it('ONCE runs in its year only', () => {
      expect(walls(at('ONCE', '2027-03-14T12:00'))).toEqual(year === 2027 ? ['2027-03-14T12:00'] : []);
    });

    it('CRON runs on the days it names', () => {
      const expected = days.filter((day) => /-(?:30|31)$/.test(day)).map((day) => `${day}T12:30`);
      expect(walls(at('30 12 30,31 * *', `${year - 1}-01-01`))).toEqual(expected);
      expect(walls(at('30 12 29 feb *', `${year - 1}-01-01`))).toEqual(isLeap ? [`${year}-02-29T12:30`] : []);
    });
  });
});

describe('Whatever the timing, the next run', () => {
  /** The clocks change by a half, one, three or 24 hours, or in UTC not at all. */
  const CHANGES = (
    [
      ['UTC', '2028-02-29T12:00Z'],
      [NEW_YORK, '2027-03-14T07:00Z'],
      [NEW_YORK, '2027-11-07T06:00Z'],
      [BERLIN, '2027-03-28T01:00Z'],
      [BERLIN, '2027-10-31T01:00Z'],
      [LORD_HOWE, '2027-04-03T15:00Z'],
      [LORD_HOWE, '2027-10-02T15:30Z'],
      [APIA, '2011-12-30T10:00Z'],
      [SAO_PAULO, '2018-11-04T03:00Z'],
      [SAO_PAULO, '2018-02-18T02:00Z'],
      [CAIRO, '2023-04-27T22:00Z'],
      [CAIRO, '2023-10-26T21:00Z'],
      ['Antarctica/Casey', '2020-10-03T16:01Z'],
      ['Antarctica/Casey', '2021-03-13T13:00Z'],
    ] as const
  ).map(([timeZone, text]) => ({ timeZone, at: Date.parse(text) }));
  const ZONES = [...new Set(CHANGES.map(({ timeZone }) => timeZone)), 'Asia/Kathmandu'];
  const PERIODS = {
    ONCE: null,
    HOURLY: { hours: 1 },
    DAILY: { days: 1 },
    WEEKLY: { days: 7 },
    MONTHLY: { months: 1 },
    QUARTERLY: { months: 3 },
    YEARLY: { years: 1 },
  } as const;

  const moment = (least: Date, most: Date) => fc.date({ min: least, max: most, noInvalidDate: true });
  const near = fc.constantFrom(...CHANGES).chain(({ timeZone, at }) => {
    // At that time of day, or a day away from it.
    const around = fc
      .tuple(fc.constantFrom(-1, 0, 0, 1), fc.integer({ min: -150, max: 150 }), fc.nat(119_999))
      .map(([days, minutes, ms]) => new Date(at + days * DAY_MS + minutes * 60_000 + Math.max(0, ms - 60_000)));
    return fc.record({ timeZone: fc.constant(timeZone), runAt: around, after: around, other: around });
  });
  const ever = moment(new Date('1970-01-01'), new Date('2060-01-01'));
  const anywhere = fc.record({ timeZone: fc.constantFrom(...ZONES), runAt: ever, after: ever, other: ever });
  const when = fc.oneof({ weight: 2, arbitrary: near }, { weight: 1, arbitrary: anywhere });
  const regular = fc.constantFrom(...(Object.keys(PERIODS) as (keyof typeof PERIODS)[]));

  const minutes = fc.constantFrom('*', '0', '30', '*/7', '15,45', '1-59/20');
  const hours = fc.constantFrom('*', '0', '1', '2', '3', '23', '0-4', '*/2', '1,2', '2-23/3');
  const monthDays = fc.constantFrom('*', '*', '*', '1', '31', '28-30', '*/5');
  const weekdays = fc.constantFrom('*', '*', '*', '0', '7', 'mon-fri', 'SAT', '4-6');
  const expression = fc
    .tuple(minutes, hours, monthDays, fc.constantFrom('*', '*', 'feb', '3,10-12'), weekdays)
    .filter((fields) => !(fields[2] === '31' && fields[3] === 'feb'))
    .map((fields) => fields.join(' '));

  /** Walks from the first run, one period at a time, with what luxon knows of overlaps. */
  function walked({ type, timeZone, runAt }: Timing, after: Date): Date | null {
    const period = PERIODS[type as keyof typeof PERIODS];
    if (runAt > after || period === null) return runAt > after ? runAt : null;
    const [unit, length] = Object.entries(period)[0]!;
    const start = DateTime.fromJSDate(runAt, { zone: timeZone });
    const startOnWall = start.setZone('utc', { keepLocalTime: true });
    for (let count = 1; ; count++) {
      const added = { [unit]: count * length };
      const run =
        unit === 'hours'
          ? start.plus(added)
          : startOnWall.plus(added).setZone(timeZone, { keepLocalTime: true }).getPossibleOffsets()[0]!;
      if (run.toMillis() > after.getTime()) return run.toJSDate();
    }
  }

  const offsets = new Map<string, number>();
  function offsetAt(timeZone: string, now: number): number {
    const key = `${timeZone} ${now}`;
    const offset = offsets.get(key) ?? DateTime.fromMillis(now, { zone: timeZone }).offset * 60_000;
    offsets.set(key, offset);
    return offset;
  }

  /** Reads a clock each minute, and what it leaves out when it is set forward; until it ends. */
  function watched({ cron: text, timeZone, runAt }: Timing, after: Date, end: number): Date | null {
    const [minute, hour, day, month, weekday] = text!.split(' ').map(valuesOf);
    const isDue = (time: Date): boolean => {
      const isDay = day!.has(time.getUTCDate());
      const isWeekday = weekday!.has(time.getUTCDay());
      const either = day!.size < 31 && weekday!.size < 7 ? isDay || isWeekday : isDay && isWeekday;
      const isHour = minute!.has(time.getUTCMinutes()) && hour!.has(time.getUTCHours());
      return isHour && month!.has(time.getUTCMonth() + 1) && either;
    };
    const floor = Math.max(after.getTime(), runAt.getTime() - 1);
    const seen = new Set<number>();
    const due: number[] = [];
    let offset: number | undefined;
    // A day ahead, for what an overlap has shown before and what a gap has moved.
    for (let now = Math.floor(floor / 60_000) * 60_000 - DAY_MS; now <= end; now += 60_000) {
      const offsetNow = offsetAt(timeZone, now);
      for (let skipped = now + (offset ?? offsetNow); skipped < now + offsetNow; skipped += 60_000) {
        if (isDue(new Date(skipped))) due.push(skipped - offset!);
      }
      const shown = now + offsetNow;
      if (isDue(new Date(shown)) && (hour!.size === 24 || !seen.has(shown))) due.push(now);
      seen.add(shown);
      offset = offsetNow;
    }
    const next = Math.min(...due.filter((time) => time > floor));
    return next === Infinity ? null : new Date(next);
  }

  const LIMITS = [
    [0, 59],
    [0, 23],
    [1, 31],
    [1, 12],
    [0, 6],
  ] as const;
  function valuesOf(field: string, index: number): Set<number> {
    const [least, greatest] = LIMITS[index]!;
    const names = field.toLowerCase().replace(/[a-z]{3}/g, (name) => String({ feb: 2, mon: 1, fri: 5, sat: 6 }[name]));
    const values = new Set<number>();
    for (const item of names.split(',')) {
      const [range, step = '1'] = item.split('/');
      const [from, to = from] = range === '*' ? [least, greatest] : range!.split('-').map(Number);
      for (let value = from!; value <= to!; value += Number(step)) values.add(index === 4 ? value % 7 : value);
    }
    return values;
  }

  function expectOrder(of: Timing, after: Date, other: Date): void {
    const run = nextRun(of, after);
    if (run === null) return;
    expect(run.getTime()).toBeGreaterThan(after.getTime());
    expect(run.getTime()).toBeGreaterThanOrEqual(of.runAt.getTime());
    expect(nextRun(of, new Date(run.getTime() - 1))).toEqual(run);
    const [earlier, later] = [after, other].sort((one, two) => one.getTime() - two.getTime()) as [Date, Date];
    const ofLater = nextRun(of, later);
    if (ofLater !== null) expect(nextRun(of, earlier)!.getTime()).toBeLessThanOrEqual(ofLater.getTime());
    let last = run;
    for (const next of runs(of, run, (_, index) => index < 5)) {
      expect(next.getTime()).toBeGreaterThan(last.getTime());
      expect(nextRun(of, new Date(next.getTime() - 1))).toEqual(next);
      last = next;
    }
  }

  it('comes later than asked, never before the first, in order, and is the same however late one asks', () => {
    fc.assert(
      fc.property(regular, when, (type, { after, other, ...rest }) => {
        expectOrder({ type, cron: null, ...rest }, after, other);
      }),
      { numRuns: 250 },
    );
    fc.assert(
      fc.property(expression, when, (cron, { after, other, ...rest }) => {
        expectOrder({ type: 'CRON', cron, ...rest }, after, other);
      }),
      { numRuns: 50 },
    );
  });

  it('is the one that a walk from the first run finds', () => {
    const periods = fc.oneof(fc.integer({ min: -3, max: 300 }), fc.integer({ min: -3, max: 3 }));
    fc.assert(
      fc.property(regular, near, periods, (type, { timeZone, runAt, after }, count) => {
        const length = {
          HOURLY: HOUR_MS,
          WEEKLY: 7 * DAY_MS,
          MONTHLY: 30 * DAY_MS,
          QUARTERLY: 91 * DAY_MS,
          YEARLY: 365 * DAY_MS,
        };
        // From as many periods before a change of the clocks.
        const first = new Date(runAt.getTime() - count * (length[type as keyof typeof length] ?? DAY_MS));
        const of = { type, cron: null, timeZone, runAt: first };
        expect(nextRun(of, after)).toEqual(walked(of, after));
      }),
      { numRuns: 250 },
    );
  });

  it('is the one that a walk finds, from each half hour around each change of the clocks', () => {
    for (const { timeZone, at } of CHANGES) {
      for (let half = -4; half <= 4; half++) {
        const runAt = new Date(at + (half * HOUR_MS) / 2 - 2 * DAY_MS);
        const of: Timing = { type: 'DAILY', cron: null, timeZone, runAt };
        for (let later = 0; later <= 5 * DAY_MS; later += 11 * HOUR_MS) {
          const after = new Date(runAt.getTime() + later);
          expect(nextRun(of, after)).toEqual(walked(of, after));
        }
      }
    }
  });

  it('is the one that a watch on the clock finds', () => {
    fc.assert(
      fc.property(expression, near, (cron, { timeZone, runAt, after }) => {
        const of: Timing = { type: 'CRON', cron, timeZone, runAt };
        const end = after.getTime() + 2 * DAY_MS;
        const run = nextRun(of, after)!;
        expect(run.getTime() > end ? null : run).toEqual(watched(of, after, end));
      }),
      { numRuns: 100 },
    );
  });

  const FAR = ['1970-01-01T00:00:00.000Z', '2100-02-28T23:59:59.999Z', '9999-12-31T23:59:59.999Z'];
  const TYPES = [...Object.keys(PERIODS), '30 2 * * *', '* * * * *', '0 0 29 2 *', '0 0 31 12 *'];

  it.each(TYPES.flatMap((type) => FAR.map((after) => [type, after] as const)))(
    'exists for %s after %s',
    (type, after) => {
      for (const timeZone of ZONES) {
        for (const first of FAR) {
          const of = { ...timing(type, timeZone, first), runAt: new Date(first) };
          const run = nextRun(of, new Date(after));
          if (type === 'ONCE' && first <= after) expect(run).toBeNull();
          else expect(run!.getTime()).toBeGreaterThan(Math.max(Date.parse(after), Date.parse(first) - 1));
        }
      }
    },
  );

  it('keeps the milliseconds of the first', () => {
    for (const type of ['HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY', 'QUARTERLY', 'YEARLY']) {
      const run = nextRun(timing(type, NEW_YORK, '2027-01-31T02:30:15.678'), new Date('2031-03-09T06:00:00.999Z'));
      expect(run!.getTime() % 60_000).toBe(15_678);
    }
  });
});

describe('A time zone', () => {
  const NAMES =
    'UTC utc Etc/UTC GMT Europe/Berlin europe/berlin Europe/Kyiv Asia/Calcutta EST CET MST NZ Japan EST5EDT W-SU ' +
    'Etc/GMT+5 America/Argentina/Buenos_Aires Antarctica/DumontDUrville';
  const OTHERS =
    'local system localtime +02:00 -00:00 +0200 +02 \u221202:00 UTC+2 UTC+02:00 GMT+2 UTC0 Z Europe/Atlantis Etc/Unknown ' +
    'PST pst IST SystemV/PST8 __proto__';

  it.each(NAMES.split(' '))('may be %s', (name) => {
    expect(isTimeZone(name)).toBe(true);
  });

  it.each([...OTHERS.split(' '), '', ' ', ' UTC', 'UTC ', 'Europe/Berlin\n', 'Europe/Berlin\0'])(
    'is not %j',
    (name) => {
      expect(isTimeZone(name)).toBe(false);
    },
  );

  it('may be any that the system lists', () => {
    expect(Intl.supportedValuesOf('timeZone').filter((name) => !isTimeZone(name))).toEqual([]);
  });
});

describe('A cron expression', () => {
  it.each([
    '* * * * *',
    '0 0 * * *',
    '*/15 * * * *',
    '0 9-17/2 * * 1-5',
    '0 0 1,15 * *',
    '0 0 29 2 *',
    '0 0 31 1,2 *',
    '0 0 30 2 1',
    '00 03 01 01 *',
    '0 0 * JAN-mar Mon,wed',
    '0 0 * * 7',
    '0 0 * * 0-7',
    '\t0  0 * * *\t',
    '0-30/10,45 * * * *',
    '*/5,3 * * * 5-7',
  ])('may be %j', (text) => {
    expect(isCron(text)).toBe(true);
    expect(nextRun(timing('CRON', 'UTC', '2027-01-01'), new Date(0))).toBeNull();
    expect(nextRun({ type: 'CRON', cron: text, timeZone: BERLIN, runAt: new Date() }, new Date(0))).not.toBeNull();
  });

  it.each([
    ['no five fields', ['', ' ', '*', '* * * *', '0 * * * * *', '* * * * * 2027', '*****', '* * *\n* *']],
    ['macros', ['@daily', '@hourly', '@reboot', '@every 5m']],
    ['what never comes', ['0 0 30 2 *', '0 0 31 4 *', '0 0 31 2,4,6,9,11 *', '0 0 30-31 feb *']],
    [
      'out of range',
      [
        '60 * * * *',
        '* 24 * * *',
        '* * 0 * *',
        '* * 32 * *',
        '* * * 0 *',
        '* * * 13 *',
        '* * * * 8',
        '* * * * -1',
        '100 * * * *',
      ],
    ],
    [
      'more than crontab(5)',
      [
        '? * * * *',
        '* * ? * *',
        'H * * * *',
        'H(0-5) * * * *',
        '* * L * *',
        '* * * * 5L',
        '* * * * 5#2',
        '* * 15W * *',
        '5/15 * * * *',
        '* * * janfeb *',
      ],
    ],
    [
      'ill-formed',
      [
        '*/0 * * * *',
        '*/ * * * *',
        '1, * * * *',
        ',1 * * * *',
        '1-2-3 * * * *',
        '5-1 * * * *',
        '*-5 * * * *',
        '** * * * *',
        '1.5 * * * *',
        'a * * * *',
        'jan * * * *',
        '* * * mon *',
        '* * * * jan',
        '* * * * fri-sun',
        '\u0661 * * * *',
      ],
    ],
    ['too long', [`${Array.from({ length: 400 }, () => '1').join(',')} * * * *`, `*${',*'.repeat(100_000)}`]],
  ])('is not %s', (_, texts) => {
    expect(texts.filter(isCron)).toEqual([]);
  });
});
