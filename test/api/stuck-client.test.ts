import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type WebSocket from 'ws';
import { signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { metric } from '../support/metrics.js';
import { notify } from '../support/reports.js';
import { connectWs, endSockets } from '../support/ws-client.js';

const STUCK = 5;
const REPORTS = 2_000;
/** Of one report's event, so that together they are many times what the system itself holds for a connection. */
const EVENT_BYTES = 20_000;

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;

let app: TestApp;
let admin: TestAccount;

beforeAll(async () => {
  app = await startTestApp();
  admin = await signInAsAdmin(app);
});
afterAll(async () => {
  endSockets();
  await app.close();
});

function memory(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Keeps the cursors only of what it gets: client and server share the memory that is measured here. */
async function follow(): Promise<{ socket: WebSocket; cursors: string[] }> {
  const { socket, subscribe, next, send } = await connectWs(app.url, admin.token);
  subscribe('subscription { purgeReported { cursor scheduleName } }');
  send({ type: 'ping' });
  await next();
  const cursors: string[] = [];
  socket.removeAllListeners('message');
  socket.on('message', (data: Buffer) => {
    expect(data.length).toBeGreaterThan(EVENT_BYTES);
    cursors.push(/"cursor":"([\w-]+)"/.exec(data.toString())?.[1] ?? data.toString());
  });
  return { socket, cursors };
}

/** So many runs end; returns their cursors. */
async function endLargeRuns(count: number): Promise<string[]> {
  const rows = await app.database.rows<{ place: string }>(
    `insert into purge_reports (id, cursor, task, status, trigger, finished_at, schedule_name)
     select gen_random_uuid(), nextval('purge_report_cursors'), 'OUTBOX', 'SUCCEEDED', 'MANUAL', now(),
       repeat('x', $2) from generate_series(1, $1) returning cursor::text as place`,
    [count, EVENT_BYTES],
  );
  await notify(app.database, 'sparekey_purge_reported', 'whichever');
  return rows.map(({ place }) => Buffer.from(`r:${place}`).toString('base64url'));
}

it('costs the server no memory, holds up nobody, and gets everything once and in order when it reads again', async () => {
  const quick = await follow();
  const stuck = await Promise.all(Array.from({ length: STUCK }, follow));
  const cursors = await endLargeRuns(1);
  await eventually(() => [quick, ...stuck].every((each) => each.cursors.length === 1));
  for (const { socket } of stuck) socket.pause();
  const before = memory();
  while (cursors.length < REPORTS) {
    cursors.push(...(await endLargeRuns(50)));
    await eventually(() => quick.cursors.length === cursors.length);
  }
  const grown = memory() - before;
  expect(quick.cursors).toEqual(cursors);
  // None of them got it all: the system's own buffers are full, and the rest is nowhere but in the database.
  for (const each of stuck) expect(each.cursors.length).toBe(1);
  expect(STUCK * REPORTS * EVENT_BYTES).toBeGreaterThan(150_000_000);
  expect(grown).toBeLessThan(12_000_000);
  for (const { socket } of stuck) socket.resume();
  await eventually(() => stuck.every((each) => each.cursors.length >= cursors.length), 20_000);
  await delay(200);
  for (const each of stuck) expect(each.cursors).toEqual(cursors);
  expect(await metric(app.url, 'sparekey_subscriptions_open')).toBe(STUCK + 1);
}, 60_000);
