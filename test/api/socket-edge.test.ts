import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
import { makeAccount, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { from, newAddress } from '../support/client-origin.js';
import { eventually } from '../support/eventually.js';
import { TOGETHER } from '../support/later-app.js';
import { metric } from '../support/metrics.js';
import { endReports } from '../support/reports.js';
import { endedToken } from '../support/scene.js';
import { connectWs, endSockets, openWs, type WsClient, type WsOptions } from '../support/ws-client.js';

const PAGE = 'https://app.example.com';
const REPORTS = 'subscription($after: String) { purgeReported(after: $after) { id } }';
const BATCHES = 'subscription { recoveryCodesChanged { id } }';

let app: TestApp;
let admin: TestAccount;
let me: TestAccount;

beforeAll(async () => {
  app = await startTestApp({
    ...TOGETHER,
    CORS_ORIGINS: PAGE,
    MAX_SUBSCRIPTIONS_PER_SOCKET: '3',
    MAX_SOCKETS_PER_ACCOUNT: '4',
  });
  admin = await signInAsAdmin(app);
  me = await makeAccount(app);
});
afterEach(async () => {
  endSockets();
  // Nothing is left behind by any of them, and the process is alive.
  await eventually(async () => (await gauges()).every((value) => value === 0));
});
afterAll(() => app.close());

const gauges = () =>
  Promise.all(['sparekey_sockets_open', 'sparekey_subscriptions_open'].map((series) => metric(app.url, series)));

/** From an address of its own, where nobody else waits. */
const open = (options: WsOptions = {}) =>
  openWs(app.url, { ...options, headers: { ...from(), ...(options.headers as object) } });

const connectAs = ({ token }: TestAccount, options: WsOptions = {}) =>
  connectWs(app.url, token, { ...options, headers: { ...from(), ...(options.headers as object) } });

/** Sends bytes as they are, and returns all that comes back until the server hangs up. */
async function raw(text: string): Promise<string> {
  const { hostname, port } = new URL(app.url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.on('data', (bytes: Buffer) => (answer += bytes.toString('latin1')));
  socket.write(text.replaceAll('\n', '\r\n'));
  await new Promise<void>((resolve, reject) => {
    socket.once('close', () => resolve());
    socket.once('error', reject);
    setTimeout(() => reject(new Error(`It hangs: ${answer}`)), 5_000).unref();
  });
  return answer;
}

/** It still does what it should. */
async function works(client: WsClient): Promise<void> {
  client.subscribe(REPORTS);
  await eventually(async () => (await metric(app.url, 'sparekey_subscriptions_open')) > 0);
  await eventually(async () => {
    const [made] = await endReports(app.database, 1);
    return (await client.event()).purgeReported.id === made?.id;
  });
}

describe('a request for a socket', () => {
  it.each([
    ['of a page of another origin', 'https://evil.example.org'],
    ['of a page without origin', 'null'],
    ['of the same host under another scheme', 'https://localhost:4000'],
    ['of an origin that begins as one that may', `${PAGE}.evil.org`],
  ])('is refused with 403 %s', async (_label, origin) => {
    await expect(open({ headers: { origin } })).rejects.toThrow('HTTP 403');
  });

  it.each([
    ['of a page of PUBLIC_URL', TOGETHER.PUBLIC_URL],
    ['of a page in CORS_ORIGINS', PAGE],
  ])('is taken %s', async (_label, origin) => {
    await works(await connectAs(admin, { headers: { origin } }));
  });

  it('is answered as any other request on another path', async () => {
    const answer = await raw(
      'GET /other HTTP/1.1\nHost: x\nConnection: Upgrade, close\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 404 .*There is nothing here/s);
  });

  it('is no reason to refuse what offers HTTP/2, too', async () => {
    const body = '{"query":"{ service { siteName } }"}';
    const answer = await raw(
      `POST /graphql HTTP/1.1\nHost: x\nConnection: Upgrade, HTTP2-Settings, close\nUpgrade: h2c\nHTTP2-Settings: AAMAAABk\nContent-Type: application/json\nContent-Length: ${body.length}\n\n${body}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 .*"siteName":"Sparekey"/s);
  });

  it.each([
    ['without a key', 'GET /graphql HTTP/1.1\nHost: x\nConnection: Upgrade\nUpgrade: websocket\n\n', 400],
    [
      'of an unknown version',
      'GET /graphql HTTP/1.1\nHost: x\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 99\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n',
      400,
    ],
    [
      'by another method',
      'POST /graphql HTTP/1.1\nHost: x\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nContent-Length: 0\n\n',
      405,
    ],
    [
      'with a protocol that is no token',
      'GET /graphql HTTP/1.1\nHost: x\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Protocol: a b, "\n\n',
      400,
    ],
  ])('is refused %s', async (_label, request, status) => {
    expect(await raw(request)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    await works(await connectAs(admin));
  });

  it('is refused under the old protocol, and without any', async () => {
    await expect(open({ protocol: 'graphql-ws' })).rejects.toThrow('subprotocol');
    const client = await open({ protocol: '' });
    expect((await client.closed()).code).toBe(4406);
  });
});

describe('the first message', () => {
  it.each(['authorization', 'Authorization', 'AUTHORIZATION'])('lets in by %s', async (name) => {
    const client = await open();
    client.send({ type: 'connection_init', payload: { [name]: `bearer ${admin.token}` } });
    expect(await client.next()).toEqual({ type: 'connection_ack' });
    await works(client);
  });

  it.each<[string, () => unknown]>([
    ['nothing', () => undefined],
    ['no authorization', () => ({ token: admin.token })],
    ['a token without Bearer', () => ({ authorization: admin.token })],
    ['no text', () => ({ authorization: { token: admin.token } })],
    ['a list', () => ({ authorization: [`Bearer ${admin.token}`] })],
    ['a service key', () => ({ authorization: `Bearer sk_${'A'.repeat(43)}` })],
    ['a refresh token', () => ({ authorization: `Bearer ${admin.refreshToken}` })],
    ['a token that is none', () => ({ authorization: 'Bearer nonsense' })],
    ['a token whose signature is another', () => ({ authorization: `Bearer ${admin.token.slice(0, -4)}AAAA` })],
    ['two tokens', () => ({ authorization: `Bearer ${admin.token}`, Authorization: `Bearer ${me.token}` })],
  ])('is refused with 4403 when it brings %s', async (_label, payload) => {
    const client = await open({
      headers: { authorization: `Bearer ${admin.token}`, cookie: `a=${admin.refreshToken}` },
    });
    client.send({ type: 'connection_init', payload: payload() });
    expect(await client.closed()).toEqual({ code: 4403, reason: 'Forbidden' });
    expect(client.received).toEqual([]);
  });

  it('is refused with 4403 when its session was signed out', async () => {
    const client = await open();
    client.send({ type: 'connection_init', payload: { authorization: `Bearer ${await endedToken(app)}` } });
    expect((await client.closed()).code).toBe(4403);
  });

  it('is waited for three seconds', async () => {
    const client = await open();
    const before = performance.now();
    expect((await client.closed()).code).toBe(4408);
    expect(performance.now() - before).toBeGreaterThan(2_500);
    expect(performance.now() - before).toBeLessThan(4_500);
  });

  it('comes once, and before all others', async () => {
    const early = await open();
    early.subscribe(BATCHES);
    expect((await early.closed()).code).toBe(4401);
    const twice = await connectAs(me);
    twice.send({ type: 'connection_init', payload: { authorization: `Bearer ${me.token}` } });
    expect((await twice.closed()).code).toBe(4429);
  });
});

describe('at most so many', () => {
  it('sockets of one address wait for their first message: 20, whatever others do', async () => {
    const headers = from(newAddress());
    const waiting = await Promise.all(Array.from({ length: 20 }, () => openWs(app.url, { headers })));
    await expect(openWs(app.url, { headers })).rejects.toThrow('HTTP 429');
    await works(await connectAs(admin));
    // One of an IPv6 network is one of all of it.
    const network = Array.from({ length: 20 }, (_, index) =>
      openWs(app.url, { headers: from(`2001:db8::${index + 1}`) }),
    );
    await Promise.all(network);
    await expect(openWs(app.url, { headers: from('2001:db8::ffff') })).rejects.toThrow('HTTP 429');
    await openWs(app.url, { headers: from('2001:db8:0:1::1') });
    // A place is free again when its socket was initialised, and when it has closed.
    waiting[0]?.send({ type: 'connection_init', payload: { authorization: `Bearer ${me.token}` } });
    expect(await waiting[0]?.next()).toEqual({ type: 'connection_ack' });
    const next = await openWs(app.url, { headers });
    await expect(openWs(app.url, { headers })).rejects.toThrow('HTTP 429');
    next.socket.close();
    await next.closed();
    await openWs(app.url, { headers });
  });

  it('sockets are of one account: MAX_SOCKETS_PER_ACCOUNT', async () => {
    const mine = [];
    for (let count = 0; count < 4; count += 1) mine.push(await connectAs(me));
    const client = await open();
    client.send({ type: 'connection_init', payload: { authorization: `Bearer ${me.token}` } });
    expect(await client.closed()).toEqual({ code: 4429, reason: 'Too many sockets of this account' });
    await works(await connectAs(admin));
    mine[0]?.socket.close();
    await mine[0]?.closed();
    await connectAs(me);
  });

  it('subscriptions run over one socket: MAX_SUBSCRIPTIONS_PER_SOCKET', async () => {
    const client = await connectAs(admin);
    const [first] = [1, 2, 3].map(() => client.subscribe(REPORTS));
    const fourth = client.subscribe(REPORTS);
    const refused = await client.next();
    expect(refused).toMatchObject({ id: fourth, type: 'error', payload: [{ extensions: { code: 'FORBIDDEN' } }] });
    expect(refused.payload[0].message).toMatch(/3 subscriptions already: complete one/);
    client.send({ id: first, type: 'complete' });
    client.subscribe(REPORTS);
    await eventually(async () => (await metric(app.url, 'sparekey_subscriptions_open')) === 3);
    await endReports(app.database, 1);
    for (let count = 0; count < 3; count += 1) await client.event();
    await client.silence(200);
  });

  it('also where an id is taken again and again', async () => {
    const client = await connectAs(admin);
    for (let count = 0; count < 40; count += 1) {
      client.send({ id: 'one', type: 'subscribe', payload: { query: REPORTS } });
      if (count % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      client.send({ id: 'one', type: 'complete' });
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await metric(app.url, 'sparekey_subscriptions_open')).toBeLessThanOrEqual(6);
    // None outlives its socket: see afterEach.
  });
});

describe('a message', () => {
  it.each<[string, string, number]>([
    ['that is no JSON', '{"type":', 4400],
    ['that is no object', '[]', 4400],
    ['of no type', '{"id":"1"}', 4400],
    ['of an unknown type', '{"type":"start"}', 4400],
    ['that only a server sends', '{"type":"next","id":"1","payload":{}}', 4400],
    ['without a query', '{"type":"subscribe","id":"1","payload":{}}', 4400],
    ['whose variables are a list', '{"type":"subscribe","id":"1","payload":{"query":"{ a }","variables":[]}}', 4400],
    ['of more than 64 KiB', `{"type":"ping","payload":{"a":"${'x'.repeat(65_536)}"}}`, 1009],
  ])('%s closes its socket, and no other', async (_label, text, code) => {
    const [client, other] = [await connectAs(me), await connectAs(admin)];
    client.send(text);
    expect((await client.closed()).code).toBe(code);
    await works(other);
  });

  it('in bytes that are no text closes its socket', async () => {
    const client = await connectAs(me);
    client.socket.send(Buffer.from([0xff, 0xfe, 0x00, 0x80, 0xc3]));
    expect((await client.closed()).code).toBe(4400);
  });

  it('in a frame that is none closes its socket, and no other', async () => {
    const other = await connectAs(admin);
    for (const bytes of ['ffffffffffffffff', '8f00', 'c1850000000061626364', '0100', '88ffffffffff']) {
      const client = await connectAs(me);
      const { _socket } = client.socket as unknown as { _socket: { write(bytes: Buffer): void } };
      _socket.write(Buffer.from(bytes, 'hex'));
      client.socket.terminate();
    }
    await works(other);
  });

  it('of just under 64 KiB is read', async () => {
    const client = await connectAs(me);
    client.send({ type: 'ping', payload: { a: 'x'.repeat(65_000) } });
    expect(await client.next()).toMatchObject({ type: 'pong' });
  });

  it('under an id that is taken closes its socket', async () => {
    const client = await connectAs(me);
    for (let count = 0; count < 2; count += 1) {
      client.send({ id: 'one', type: 'subscribe', payload: { query: BATCHES } });
    }
    expect((await client.closed()).code).toBe(4409);
  });
});

describe('a client that writes and never reads', () => {
  it('is cut off before its answers fill the memory', async () => {
    const client = await connectAs(me);
    client.socket.pause();
    const text = JSON.stringify({ type: 'ping', payload: { a: 'x'.repeat(60_000) } });
    let sent = 0;
    await eventually(async () => {
      for (let count = 0; count < 20 && client.socket.bufferedAmount < 4_000_000; count += 1) client.socket.send(text);
      sent += 20;
      return (await metric(app.url, 'sparekey_sockets_open')) === 0;
    });
    expect(sent).toBeGreaterThan(20);
    await works(await connectAs(admin));
  });
});

describe('HTTP', () => {
  it('refuses subscriptions, and says where they run', async () => {
    const answer = await app.post('subscription { recoveryCodesChanged { id } }', {}, { token: me.token });
    expect(answer.code).toBe('BAD_USER_INPUT');
    expect(answer.errors[0]?.message).toMatch(/WebSocket/);
  });
});

describe('a socket whose client is gone without a word', () => {
  it('is closed when it answers no ping', async () => {
    const before = performance.now();
    const client = await connectAs(me, { autoPong: false });
    const other = await connectAs(admin);
    await client.closed(30_000);
    expect(performance.now() - before).toBeGreaterThan(11_000);
    expect(other.socket.readyState).toBe(other.socket.OPEN);
  }, 40_000);
});
