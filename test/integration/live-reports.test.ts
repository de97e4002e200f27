import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Report } from '../../src/domain/cleanup/report.js';
import { placeOfCursor } from '../../src/domain/cleanup/report-cursor.js';
import type { EventStream } from '../../src/domain/live/event-stream.js';
import { ProgressFeed } from '../../src/domain/live/progress-feed.js';
import { ReportFeed, type ReportWish } from '../../src/domain/live/report-feed.js';
import { adminUrl } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { type HeldAnswers, heldAnswers } from '../support/held-answers.js';
import { makeReports, makeRun } from '../support/reports.js';
import { openRules, type Rules } from '../support/rules.js';
import { SaidSignals } from '../support/said-signals.js';
import { statementsOf } from '../support/statements.js';

let rules: Rules;
let signals: SaidSignals;
let faults: unknown[];
let feed: ReportFeed;
const streams: { close(): void }[] = [];

beforeAll(async () => {
  rules = await openRules();
});
beforeEach(() => {
  signals = new SaidSignals();
  faults = [];
  feed = new ReportFeed({ db: rules.db, signals, onFault: (error) => faults.push(error) });
});
afterEach(() => {
  for (const stream of streams.splice(0)) stream.close();
  expect(feed.size).toBe(0);
});
afterAll(() => rules.close());

async function open({ task, after }: Partial<ReportWish> = {}): Promise<EventStream<Report>> {
  const stream = await feed.open({ task, after });
  streams.push(stream);
  return stream;
}

/** So many runs end, and every process hears of it. */
async function end(count: number, task?: string): Promise<string[]> {
  const made = await makeReports(rules.database, count, { isTold: false, ...(task === undefined ? {} : { task }) });
  signals.say('sparekey_purge_reported', made.at(-1)?.id ?? '');
  return made.map(({ id }) => id);
}

/** The next events, which have to come. */
async function take<T>(stream: EventStream<T>, count: number): Promise<T[]> {
  const events: T[] = [];
  while (events.length < count) {
    const next = await Promise.race([stream.next(), delay(5_000, 'late' as const, { ref: false })]);
    if (next === 'late') throw new Error(`Only ${events.length} of ${count} came.`);
    if (next.done === true) throw new Error(`It ended after ${events.length} of ${count}.`);
    events.push(next.value);
  }
  return events;
}

const idsOf = async (stream: EventStream<Report>, count: number) => (await take(stream, count)).map(({ id }) => id);

/** The next event is what ends now, so that nothing else was waiting. */
async function hasNothingElse(stream: EventStream<Report>): Promise<void> {
  const [id] = await end(1);
  expect(await idsOf(stream, 1)).toEqual([id]);
}

/** Whatever was asked for has been looked for: on a busy machine a look can come late, and find what is made meanwhile. */
async function hasBeenRead(): Promise<void> {
  const reading = `select 1 from pg_stat_activity
    where datname = current_database() and state = 'active' and pid <> pg_backend_pid()`;
  for (let quiet = 0; quiet < 3;) {
    quiet = (await rules.database.rows(reading)).length === 0 ? quiet + 1 : 0;
    await delay(20);
  }
}

describe('a subscriber to reports', () => {
  it('gets what ends from the moment of subscribing, and nothing from before', async () => {
    await end(3);
    const stream = await open();
    const ids = [...(await end(1)), ...(await end(4))];
    expect(await idsOf(stream, 5)).toEqual(ids);
    await hasNothingElse(stream);
  });

  it('gets with a cursor what ended behind it, and goes on with what ends, each once', async () => {
    const [first] = await makeReports(rules.database, 1, { isTold: false });
    const earlier = await end(100);
    const stream = await open({ after: placeOfCursor(first?.cursor ?? '') });
    const some = await idsOf(stream, 30);
    const later = await end(50);
    expect([...some, ...(await idsOf(stream, 120))]).toEqual([...earlier, ...later]);
    await hasNothingElse(stream);
  });

  it('gets the reports of one task where it wants no other, from before and live', async () => {
    const [first] = await makeReports(rules.database, 1, { isTold: false });
    const wanted: string[] = [];
    const alternate = async () => {
      for (let round = 0; round < 20; round += 1) {
        await end(4, 'SESSIONS');
        wanted.push(...(await end(1, 'COPIES')));
      }
    };
    await alternate();
    await end(3, 'SESSIONS');
    const stream = await open({ task: 'COPIES', after: placeOfCursor(first?.cursor ?? '') });
    await alternate();
    expect(await idsOf(stream, 40)).toEqual(wanted);
    await end(3, 'SESSIONS');
    const [last] = await end(1, 'COPIES');
    expect(await idsOf(stream, 1)).toEqual([last]);
  });

  it('misses nothing and gets nothing twice, whenever it comes while runs end', async () => {
    const [first] = await makeReports(rules.database, 1, { isTold: false });
    const after = placeOfCursor(first?.cursor ?? '');
    const all: string[] = [];
    let isOver = false;
    const ending = (async () => {
      while (all.length < 200) all.push(...(await end(1 + (all.length % 3))));
      isOver = true;
    })();
    const subscribers: Promise<string[]>[] = [];
    while (!isOver) {
      subscribers.push(open({ after }).then((stream) => idsOf(stream, 200)));
      await delay(20);
    }
    await ending;
    expect(subscribers.length).toBeGreaterThan(5);
    for (const ids of await Promise.all(subscribers)) expect(ids).toEqual(all.slice(0, 200));
  });

  it('gets what nobody signalled as soon as signals are heard again', async () => {
    const stream = await open();
    await hasNothingElse(stream);
    await hasBeenRead();
    const made = await makeReports(rules.database, 70, { isTold: false });
    const next = stream.next();
    expect(await Promise.race([next, delay(100, 'nothing')])).toBe('nothing');
    signals.gap();
    expect(await next).toMatchObject({ done: false, value: { id: made[0]?.id } });
    expect(await idsOf(stream, 69)).toEqual(made.slice(1).map(({ id }) => id));
    await hasNothingElse(stream);
  });

  it('is ended while it waits, and the feed forgets it', async () => {
    const stream = await open();
    expect(feed.size).toBe(1);
    const next = stream.next();
    await delay(20);
    await stream.return();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(feed.size).toBe(0);
  });
});

describe('a run that ends in the very moment', () => {
  function slowly(): HeldAnswers {
    const answers = heldAnswers(rules.db);
    feed = new ReportFeed({ db: answers.db, signals, onFault: (error) => faults.push(error) });
    return answers;
  }

  it('as the first subscriber comes is not missed', async () => {
    const [last] = await makeReports(rules.database, 1, { isTold: false });
    const answers = slowly();
    const held = answers.hold();
    const opening = open({ after: placeOfCursor(last?.cursor ?? '') });
    await held;
    const ids = await end(1);
    answers.letIn();
    expect(await idsOf(await opening, 1)).toEqual(ids);
  });

  it('as a subscriber without a cursor comes is not missed', async () => {
    const answers = slowly();
    const held = answers.hold();
    const opening = open();
    await held;
    const ids = await end(1);
    answers.letIn();
    expect(await idsOf(await opening, 1)).toEqual(ids);
  });

  it('as a replay comes to its end is not missed', async () => {
    const [first] = await makeReports(rules.database, 1, { isTold: false });
    await end(3, 'SESSIONS');
    const answers = slowly();
    const stream = await open({ task: 'COPIES', after: placeOfCursor(first?.cursor ?? '') });
    const other = await open();
    await hasNothingElse(other);
    await delay(50);
    const held = answers.hold();
    const next = idsOf(stream, 1);
    await held;
    const ids = await end(1, 'COPIES');
    expect(await idsOf(other, 1)).toEqual(ids);
    answers.letIn();
    expect(await next).toEqual(ids);
  });
});

describe('what subscribers to reports cost', () => {
  const reads = (texts: readonly string[]) => texts.filter((text) => text.includes('from purge_reports'));

  it('is one read of each report, however many there are', async () => {
    const all = await Promise.all(Array.from({ length: 200 }, () => open()));
    const ids: string[] = [];
    const texts = await statementsOf(rules.database.pool, async () => {
      const taken = all.map((stream) => idsOf(stream, 30));
      for (let count = 0; count < 30; count += 1) ids.push(...(await end(1)));
      for (const got of await Promise.all(taken)) expect(got).toEqual(ids);
    });
    expect(reads(texts).length).toBeGreaterThan(0);
    expect(reads(texts).length).toBeLessThanOrEqual(60);
  });

  it('is nothing while there are none', async () => {
    const stream = await open();
    await hasNothingElse(stream);
    await delay(100);
    stream.close();
    const texts = await statementsOf(rules.database.pool, async () => {
      await end(3);
      signals.gap();
      await delay(100);
    });
    expect(reads(texts)).toEqual([]);
  });

  it('is no memory for one that is stuck: it reads later what it did not take, each once and in order', async () => {
    const [stuck, quick] = [await open(), await open()];
    const ids = await end(1);
    expect(await idsOf(stuck, 1)).toEqual(ids);
    for (let round = 0; round < 50; round += 1) ids.push(...(await end(10)));
    expect(await idsOf(quick, 501)).toEqual(ids);
    let got: string[] = [];
    const texts = await statementsOf(rules.database.pool, async () => {
      got = await idsOf(stuck, 500);
    });
    expect(got).toEqual(ids.slice(1));
    // The log reaches back 64 of them; the others come by pages of 16.
    expect(reads(texts).length).toBeGreaterThanOrEqual((500 - 64) / 16);
    expect(reads(texts).length).toBeLessThanOrEqual(500 / 16 + 2);
    await hasNothingElse(stuck);
  });
});

describe('while the database is away', () => {
  it('a subscriber waits, in the middle of a replay too, and goes on when it is back', async () => {
    const [first] = await makeReports(rules.database, 1, { isTold: false });
    const earlier = await end(40);
    const stream = await open({ after: placeOfCursor(first?.cursor ?? '') });
    const got = await idsOf(stream, 5);
    const name = new URL(rules.database.url).pathname.slice(1);
    const operator = new pg.Client({ connectionString: adminUrl() });
    await operator.connect();
    try {
      await operator.query(`alter database ${name} with allow_connections false`);
      await operator.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]);
      signals.say('sparekey_purge_reported', 'whichever');
      const rest = idsOf(stream, 35);
      await eventually(() => faults.length >= 2);
      await operator.query(`alter database ${name} with allow_connections true`);
      expect([...got, ...(await rest)]).toEqual(earlier);
    } finally {
      await operator.query(`alter database ${name} with allow_connections true`);
      await operator.end();
    }
    await hasNothingElse(stream);
  });
});

describe('a subscriber to progress', () => {
  let progress: ProgressFeed;
  beforeEach(() => {
    progress = new ProgressFeed({ db: rules.db, signals, onFault: (error) => faults.push(error) });
  });

  const follow = (reportId?: string) => {
    const stream = progress.open(reportId);
    streams.push(stream);
    return stream;
  };

  async function advance(id: string, total: number): Promise<void> {
    await rules.database.rows('update purge_reports set total = $2 where id = $1', [id, total]);
    signals.say('sparekey_purge_progressed', id);
  }

  it('gets how far each run is, or the one that it wants', async () => {
    const [one, other] = [await makeRun(rules.database), await makeRun(rules.database, { task: 'COPIES' })];
    const [all, oneOnly] = [follow(), follow(one)];
    await advance(other, 7);
    expect(await take(all, 1)).toEqual([{ reportId: other, task: 'COPIES', done: 7, eligible: 100 }]);
    await advance(one, 10);
    const told = [{ reportId: one, task: 'OUTBOX', done: 10, eligible: 100 }];
    expect(await take(all, 1)).toEqual(told);
    expect(await take(oneOnly, 1)).toEqual(told);
  });

  it('gets the latest state only, where it takes its time', async () => {
    const [one, other] = [await makeRun(rules.database), await makeRun(rules.database)];
    const [slow, quick] = [follow(), follow()];
    for (let total = 1; total <= 20; total += 1) {
      await advance(one, total);
      expect(await take(quick, 1)).toMatchObject([{ done: total }]);
    }
    await advance(other, 3);
    await take(quick, 1);
    expect(await take(slow, 2)).toMatchObject([
      { reportId: one, done: 20 },
      { reportId: other, done: 3 },
    ]);
  });

  it('costs one read for all of them, and none where nobody wants that run', async () => {
    const [one, other] = [await makeRun(rules.database), await makeRun(rules.database)];
    const wanting = Array.from({ length: 100 }, () => follow(one));
    const texts = await statementsOf(rules.database.pool, async () => {
      await advance(one, 5);
      for (const stream of wanting) expect(await take(stream, 1)).toMatchObject([{ done: 5 }]);
      await advance(other, 5);
      signals.say('sparekey_purge_progressed', `${one}'; drop table purge_reports; --`);
      await delay(50);
    });
    expect(texts).toHaveLength(1);
    expect(faults).toEqual([]);
  });
});
