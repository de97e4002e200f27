import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import type { Fetched } from '../../src/domain/issuers/fetch-json.js';
import { createFetchJson } from '../../src/http-fetch/fetch-json.js';
import { answering, startIssuer, type TestIssuer } from '../support/issuer.js';

const LONG_MS = 10_000;
const here = createFetchJson({ allowLoopback: true });
const outside = createFetchJson({ allowLoopback: false });

let issuer: TestIssuer;
const servers: Server[] = [];

beforeAll(async () => {
  issuer = await startIssuer();
});
afterEach(() => {
  issuer.misbehave = () => false;
  issuer.asked.length = 0;
});
afterAll(async () => {
  await issuer.close();
  for (const server of servers) server.close();
});

const fetched = (url = issuer.jwksUri, withinMs = LONG_MS) => here(url, AbortSignal.timeout(withinMs));

/** The failure, and what the log is told of it. */
const failure = (told: Fetched) => (told.isFetched ? 'fetched' : told.failure);

/** A server that speaks no HTTP; the address that it has. */
async function listen(onSocket: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(onSocket).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('fetching JSON', () => {
  it('returns what an address answers', async () => {
    const told = await fetched();
    expect(told).toEqual({ isFetched: true, body: { keys: issuer.published.map(({ jwk }) => jwk) } });
    expect(await fetched(issuer.jwksUri.replace('127.0.0.1', 'localhost'))).toEqual(told);
  });

  it.each(['application/jwk-set+json', 'application/json; charset=utf-8', 'Application/JSON'])(
    'takes the type %s',
    async (type) => {
      issuer.misbehave = answering('{"keys":[]}', { 'content-type': type });
      expect(await fetched()).toEqual({ isFetched: true, body: { keys: [] } });
    },
  );

  it.each<[string, TestIssuer['misbehave'], string]>([
    ['HTML', answering('<!doctype html><h1>Welcome</h1>', { 'content-type': 'text/html' }), 'NOT_JSON'],
    ['HTML that is said to be JSON', answering('<!doctype html><h1>Welcome</h1>'), 'NOT_JSON'],
    ['nothing', answering(''), 'NOT_JSON'],
    ['half of it', answering('{"keys":['), 'NOT_JSON'],
    [
      'what is no UTF-8',
      (_, response) => !!response.setHeader('content-type', 'application/json').end(Buffer.from([0x22, 0xff, 0x22])),
      'NOT_JSON',
    ],
    ['JSON of no type', (_, response) => !!response.end('{}'), 'NOT_JSON'],
    ['text', answering('{}', { 'content-type': 'text/plain; x=application/json' }), 'NOT_JSON'],
    ['what is compressed', answering('{}', { 'content-encoding': 'gzip' }), 'NOT_JSON'],
    ['404', answering('{}', {}, 404), 'HTTP_ERROR'],
    ['500', answering('{}', {}, 500), 'HTTP_ERROR'],
    ['204', answering('', {}, 204), 'HTTP_ERROR'],
    ['256 kB and a byte', answering(`"${' '.repeat(256 * 1024 - 1)}"`), 'TOO_LARGE'],
    ['a line that breaks', (request) => !!request.socket.destroy(), 'UNREACHABLE'],
    ['half an answer and a line that breaks', breaksOff, 'UNREACHABLE'],
  ])('refuses %s', async (_what, misbehave, expected) => {
    issuer.misbehave = misbehave;
    expect(failure(await fetched())).toBe(expected);
  });

  it('takes 256 kB', async () => {
    issuer.misbehave = answering(`"${' '.repeat(256 * 1024 - 2)}"`);
    expect(failure(await fetched())).toBe('fetched');
  });

  it('reads no more than it takes of 10 MB', async () => {
    let written = 0;
    const chunk = Buffer.alloc(64 * 1024, ' ');
    issuer.misbehave = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const write = () => {
        while (written < 10_000_000 && !response.destroyed) {
          written += chunk.length;
          if (!response.write(chunk)) return void response.once('drain', write);
        }
      };
      write();
      return true;
    };
    expect(failure(await fetched())).toBe('TOO_LARGE');
    expect(written).toBeLessThan(10_000_000);
  });

  it.each([301, 302, 303, 307, 308])('follows no %i, wherever it leads', async (status) => {
    const other = await startIssuer();
    for (const location of [`${other.url}/keys`, '/keys', 'http://169.254.169.254/latest/meta-data/']) {
      issuer.misbehave = answering('{"keys":[]}', { location }, status);
      expect(failure(await fetched(`${issuer.url}/first`))).toBe('REDIRECTED');
    }
    expect([issuer.asked, other.asked]).toEqual([['/first', '/first', '/first'], []]);
    await other.close();
  });

  it('gives up an address that never answers, or never to the end', async () => {
    issuer.misbehave = () => true;
    expect(failure(await fetched(issuer.jwksUri, 200))).toBe('TOO_SLOW');
    issuer.misbehave = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"keys":');
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(drip));
      return true;
    };
    expect(failure(await fetched(issuer.jwksUri, 200))).toBe('TOO_SLOW');
  });

  it('gives up a handshake that never ends after 5 s', async () => {
    const silent = await listen(() => undefined);
    const startedAt = performance.now();
    expect(failure(await fetched(`https://${silent}/keys`, 60_000))).toBe('TOO_SLOW');
    expect(performance.now() - startedAt).toBeGreaterThan(4_500);
  });

  it('trusts no certificate that nobody vouches for', async () => {
    const server = new SMTPServer({ secure: true });
    server.on('error', () => undefined);
    const port = await new Promise<number>((resolve) => {
      const { server: listening } = server;
      server.listen(0, '127.0.0.1', () => resolve((listening.address() as AddressInfo).port));
    });
    const told = await fetched(`https://localhost:${port}/keys`);
    expect(told).toMatchObject({ failure: 'UNREACHABLE', cause: { code: expect.stringMatching(/CERT/) } });
    server.close(() => undefined);
  });

  it('says so where nobody listens, or no such name is', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    expect(failure(await fetched(`http://127.0.0.1:${port}/`))).toBe('UNREACHABLE');
    expect(failure(await fetched('https://issuer.invalid/'))).toBe('UNREACHABLE');
  });

  it('tells nothing of what was answered', async () => {
    issuer.misbehave = answering('zQ7mXk2v', { 'x-secret': 'zQ7mXk2v' });
    const told = await fetched();
    expect(JSON.stringify(told, ['failure', 'cause', 'message', 'stack'])).not.toContain('zQ7mXk2v');
    expect(String((told as { cause?: Error }).cause?.stack)).not.toContain('zQ7mXk2v');
  });
});

function breaksOff(...[request, response]: Parameters<TestIssuer['misbehave']>): boolean {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' }).write('{"keys":', () => {
    request.socket.destroy();
  });
  return true;
}

describe('an address that is not to be fetched from', () => {
  it('is one of this machine, by name, by number and by whatever looks like one', async () => {
    let connections = 0;
    const port = (await listen(() => (connections += 1))).split(':')[1];
    const hosts = ['localhost', '127.0.0.1', '127.1', '2130706433', '0x7f.1', '0', '[::1]', '[::ffff:127.0.0.1]'];
    for (const host of hosts) {
      expect([host, failure(await outside(`https://${host}:${port}/`, AbortSignal.timeout(LONG_MS)))]).toEqual([
        host,
        'NOT_ALLOWED',
      ]);
    }
    expect(connections).toBe(0);
  });

  it.each(['https://10.0.0.1/', 'https://169.254.169.254/', 'https://[fd00:ec2::254]/', 'https://[64:ff9b::a00:1]/'])(
    'is %s, loopback or not',
    async (url) => {
      expect(failure(await outside(url, AbortSignal.timeout(LONG_MS)))).toBe('NOT_ALLOWED');
      expect(failure(await fetched(url))).toBe('NOT_ALLOWED');
    },
  );

  it.each(['http://1.1.1.1/', 'ftp://127.0.0.1/', 'file:///etc/passwd', 'data:application/json,{}'])(
    'is %s, since it is neither https nor of this machine',
    async (url) => expect(failure(await fetched(url))).toBe('NOT_ALLOWED'),
  );

  it('is told, not thrown, where it is none at all', async () => {
    expect(failure(await fetched('not an address'))).toBe('UNREACHABLE');
  });
});
