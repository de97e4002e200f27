import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { SignalListener } from '../../src/database/signal-listener.js';
import { CHANNELS, type Channel } from '../../src/domain/signals.js';
import { makeDatabase, type TestDatabase } from '../support/database.js';
import { type DatabaseProxy, openDatabaseProxy } from '../support/database-proxy.js';
import { eventually } from '../support/eventually.js';

let database: TestDatabase;
const listeners: SignalListener[] = [];
const proxies: DatabaseProxy[] = [];

beforeAll(async () => {
  database = await makeDatabase();
});
afterEach(async () => {
  await Promise.all(listeners.splice(0).map((listener) => listener.stop()));
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
});
afterAll(() => database.drop());

interface Heard {
  readonly listener: SignalListener;
  /** Channel and payload, in their order. */
  readonly words: string[];
  gaps: number;
  readonly faults: unknown[];
}

function listen(url = database.url): Heard {
  const heard: Heard = { listener: undefined as never, words: [], gaps: 0, faults: [] };
  const listener = new SignalListener({ url, channels: CHANNELS, onFault: (error) => heard.faults.push(error) });
  listeners.push(listener);
  for (const channel of CHANNELS) listener.on(channel, (payload) => heard.words.push(`${channel} ${payload}`));
  listener.onGap(() => (heard.gaps += 1));
  return Object.assign(heard, { listener });
}

const say = (channel: Channel, payload: string) => database.rows('select pg_notify($1, $2)', [channel, payload]);

async function lines(): Promise<number> {
  const rows = await database.rows(
    `select 1 from pg_stat_activity where application_name = 'sparekey-listener' and datname = current_database()`,
  );
  return rows.length;
}

async function throughProxy(): Promise<DatabaseProxy> {
  const proxy = await openDatabaseProxy(database.url);
  proxies.push(proxy);
  return proxy;
}

/** What is said now is heard: nobody could pass by never hearing anything. */
async function hears({ words }: Heard, payload: string): Promise<void> {
  await say('sparekey_job_queued', payload);
  await eventually(() => words.includes(`sparekey_job_queued ${payload}`));
}

describe('a listener', () => {
  it('hears every channel, each payload once and in order, over one line', async () => {
    const heard = listen();
    await heard.listener.start();
    expect(heard.listener.isUp).toBe(true);
    expect(await lines()).toBe(1);
    for (const channel of CHANNELS) await say(channel, 'a');
    for (const payload of ['b', 'c', 'd']) await say('sparekey_batch_changed', payload);
    await hears(heard, 'end');
    expect(heard.words).toEqual([
      ...CHANNELS.map((channel) => `${channel} a`),
      ...['b', 'c', 'd'].map((payload) => `sparekey_batch_changed ${payload}`),
      'sparekey_job_queued end',
    ]);
    expect(heard.gaps).toBe(0);
  });

  it('passes on nothing to whoever does not want it any more', async () => {
    const heard = listen();
    const words: string[] = [];
    const stop = heard.listener.on('sparekey_job_queued', (payload) => words.push(payload));
    await heard.listener.start();
    await hears(heard, 'one');
    stop();
    await hears(heard, 'two');
    expect(words).toEqual(['one']);
  });

  it('tells of one that throws, and the others hear all the same', async () => {
    const heard = listen();
    const fault = new Error('of this listener');
    heard.listener.on('sparekey_job_queued', () => {
      throw fault;
    });
    const later: string[] = [];
    heard.listener.on('sparekey_job_queued', (payload) => later.push(payload));
    await heard.listener.start();
    await hears(heard, 'one');
    expect(later).toEqual(['one']);
    expect(heard.faults).toEqual([fault]);
    expect(heard.listener.isUp).toBe(true);
  });

  it('leaves no line behind when it stops, and hears again when it is started again', async () => {
    const heard = listen();
    await heard.listener.start();
    await heard.listener.stop();
    expect(heard.listener.isUp).toBe(false);
    await eventually(async () => (await lines()) === 0);
    await heard.listener.start();
    await hears(heard, 'again');
    expect(heard.faults).toEqual([]);
  });
});

describe('a line that is lost', () => {
  it('is opened anew within a second, and the gap is told once', async () => {
    const heard = listen();
    await heard.listener.start();
    for (const round of [1, 2, 3]) {
      await database.rows(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'sparekey-listener' and datname = current_database()`,
      );
      await eventually(() => heard.gaps === round, 1_500);
      expect(heard.listener.isUp).toBe(true);
      await hears(heard, `round ${round}`);
    }
    expect(heard.gaps).toBe(3);
    expect(await lines()).toBe(1);
    expect(heard.faults).toHaveLength(3);
  });

  it('is told as down while the database is away, however long, and comes back by itself', async () => {
    const proxy = await throughProxy();
    const heard = listen(proxy.url);
    await heard.listener.start();
    await proxy.cut();
    await eventually(() => !heard.listener.isUp, 500);
    await eventually(() => heard.faults.length >= 4, 5_000);
    expect(heard.listener.isUp).toBe(false);
    expect(heard.gaps).toBe(0);
    await proxy.restore();
    await eventually(() => heard.listener.isUp, 6_000);
    expect(heard.gaps).toBe(1);
    await hears(heard, 'back');
  });

  it('is noticed within five seconds where it dies without a word', async () => {
    const proxy = await throughProxy();
    const heard = listen(proxy.url);
    await heard.listener.start();
    await hears(heard, 'before');
    proxy.freeze();
    await eventually(() => !heard.listener.isUp, 5_000);
    await proxy.restore();
    await eventually(() => heard.gaps === 1, 8_000);
    await hears(heard, 'after');
  });
});

describe('a database that is away at the start', () => {
  it('does not hold the start up, and is heard once it is there, with the gap told', async () => {
    const proxy = await throughProxy();
    await proxy.cut();
    const heard = listen(proxy.url);
    await heard.listener.start();
    expect(heard.listener.isUp).toBe(false);
    expect(heard.faults).not.toHaveLength(0);
    await proxy.restore();
    await eventually(() => heard.listener.isUp, 6_000);
    expect(heard.gaps).toBe(1);
    await hears(heard, 'there');
  });

  it('does not hold the stop up either', async () => {
    const silent = await throughProxy();
    silent.freeze();
    const heard = listen(silent.url);
    void heard.listener.start();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const before = performance.now();
    await heard.listener.stop();
    expect(performance.now() - before).toBeLessThan(2_000);
  });
});

it('needs LISTEN: an unheard channel stays unheard', async () => {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const heard = listen();
  await heard.listener.start();
  await client.query(`select pg_notify('sparekey_other', 'x')`);
  await client.end();
  await hears(heard, 'end');
  expect(heard.words).toEqual(['sparekey_job_queued end']);
});
