import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
import { closeEdgeServers, type EdgeServer, postGraphql, startEdgeServer } from '../support/edge-server.js';

const APP = 'https://app.example.com';

let edge: EdgeServer;
let graphql: string;

beforeAll(async () => {
  edge = await startEdgeServer({ server: { corsOrigins: [APP], trustProxy: ['127.0.0.1'] } });
  graphql = `${edge.url}/graphql`;
});
afterAll(closeEdgeServers);

const JSON_BODY = { 'content-type': 'application/json' };
const code = 'BAD_USER_INPUT';

describe('POST /graphql', () => {
  it('answers a query', async () => {
    const { status, body, headers } = await edge.post('{ hello }');
    expect([status, body]).toEqual([200, { data: { hello: 'world' } }]);
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  it('takes a body of up to 100 kB and answers 413 to a larger one', async () => {
    const padded = (bytes: number) => ({
      query: '{ hello }',
      operationName: null,
      extensions: { padding: 'x'.repeat(bytes) },
    });
    expect((await postGraphql(graphql, padded(99_000))).status).toBe(200);
    const refused = await postGraphql(graphql, padded(100_000));
    expect([refused.status, refused.body.errors?.[0]?.extensions]).toEqual([413, { code }]);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/graphql',
    'text/json',
  ])('answers 415 to %s, which a browser would send for any page', async (type) => {
    const response = await fetch(graphql, {
      method: 'POST',
      headers: { 'content-type': type },
      body: JSON.stringify({ query: 'mutation { bump }' }),
    });
    expect(response.status).toBe(415);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code } }] });
    expect(edge.bumps()).toBe(0);
  });

  it('answers 415 to a body of no type', async () => {
    expect(await rawRequest(edge.url, 'POST /graphql HTTP/1.1', ['content-length: 2'], '{}')).toMatch(
      /^HTTP\/1.1 415 /,
    );
  });

  it('answers 400 to a body that is no JSON, without echoing it', async () => {
    const response = await fetch(graphql, { method: 'POST', headers: JSON_BODY, body: '{"query": s3cret' });
    const text = await response.text();
    expect(response.status).toBe(400);
    expect(JSON.parse(text)).toEqual({ errors: [{ message: 'The body is not valid JSON.', extensions: { code } }] });
  });

  it('refuses a batch', async () => {
    const { status, body } = await postGraphql(graphql, [
      { query: 'mutation { bump }' },
      { query: 'mutation { bump }' },
    ]);
    expect([status, body.errors?.[0]?.extensions]).toEqual([400, { code }]);
    expect(edge.bumps()).toBe(0);
  });

  it('refuses persisted queries', async () => {
    const persistedQuery = { version: 1, sha256Hash: 'a'.repeat(64) };
    const { body } = await postGraphql(graphql, { extensions: { persistedQuery } });
    expect(body.errors).toEqual([{ message: 'PersistedQueryNotSupported', extensions: { code } }]);
  });

  it('does not execute what it could not answer', async () => {
    const { status, body } = await edge.post('mutation { bump }', {}, { accept: 'text/html' });
    expect([status, body.errors?.[0]?.extensions]).toEqual([406, { code }]);
    expect(edge.bumps()).toBe(0);
  });
});

it('Whoever waits for mutations is called after one, and not after a query', async () => {
  const called: string[] = [];
  const server = await startEdgeServer({ afterMutation: () => called.push('called') });
  await server.post('{ hello }');
  expect(called).toEqual([]);
  await server.post('mutation { bump }');
  expect(called).toEqual(['called']);
});

describe('GET /graphql', () => {
  const get = (query: string, headers: Record<string, string> = { 'apollo-require-preflight': '1' }) =>
    fetch(`${graphql}?query=${encodeURIComponent(query)}`, { headers });

  it('answers a query', async () => {
    expect(await (await get('{ hello }')).json()).toEqual({ data: { hello: 'world' } });
  });

  it('answers 405 to a mutation', async () => {
    const response = await get('mutation { bump }');
    expect([response.status, response.headers.get('allow'), edge.bumps()]).toEqual([405, 'POST', 0]);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code } }] });
  });

  it('answers 400 to what any page could make a browser send', async () => {
    const response = await get('{ hello }', {});
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code } }] });
  });

  it('shows no page to a browser', async () => {
    const response = await get('{ hello }', { accept: 'text/html' });
    expect(response.headers.get('content-type')).not.toContain('html');
  });
});

it.each(['PUT', 'PATCH', 'DELETE'])('%s /graphql answers 405', async (method) => {
  const response = await fetch(graphql, { method, headers: JSON_BODY });
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, POST']);
});

describe('Every answer', () => {
  it.each(['/', '/graphql', '/healthz', '/verify-email', '/metrics', '/nothing-here', '/%'])(
    'has security headers: %s',
    async (path) => {
      const { headers } = await fetch(edge.url + path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('content-security-policy')).toMatch(/^default-src 'none';.*frame-ancestors 'none'/);
      expect(headers.get('x-powered-by')).toBeNull();
      expect(headers.get('strict-transport-security')).toBeNull();
    },
  );

  it('says to use TLS where PUBLIC_URL does', async () => {
    const { url } = await startEdgeServer({ server: { publicUrl: 'https://keys.example.com' } });
    expect((await fetch(url)).headers.get('strict-transport-security')).toBe('max-age=31536000');
  });

  it('from /graphql is not to be stored, errors included', async () => {
    const answers = [
      await edge.post('{ hello }'),
      await edge.post('{'),
      await postGraphql(graphql, { extensions: { persistedQuery: { version: 1, sha256Hash: 'a' } } }),
      await fetch(graphql, { method: 'POST', headers: JSON_BODY, body: '{' }),
      await fetch(graphql, { method: 'PUT' }),
    ];
    expect(answers.map(({ headers }) => headers.get('cache-control'))).toEqual(answers.map(() => 'no-store'));
  });

  it('repeats nothing of an unknown or broken address', async () => {
    for (const path of ['/s3cret', '/%s3cret'])
      expect(await (await fetch(edge.url + path)).text()).not.toContain('s3cret');
  });
});

describe('A page of another origin', () => {
  const preflight = (origin: string, headers: string) =>
    fetch(graphql, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': headers },
    });

  it('may call when its origin is in CORS_ORIGINS', async () => {
    const { headers } = await edge.post('{ hello }', {}, { origin: APP });
    expect(headers.get('access-control-allow-origin')).toBe(APP);
    expect(headers.get('access-control-allow-credentials')).toBeNull();
  });

  it.each(['https://evil.example.com', `${APP}.evil.com`, 'null', 'http://app.example.com'])(
    'may not from %s',
    async (origin) => {
      const { headers } = await edge.post('{ hello }', {}, { origin });
      expect(headers.get('access-control-allow-origin')).toBeNull();
      expect((await preflight(origin, 'content-type')).headers.get('access-control-allow-origin')).toBeNull();
    },
  );

  it('may send a token, and no header of a service key', async () => {
    const { status, headers } = await preflight(APP, 'authorization, content-type, x-sparekey-subject');
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-headers')).toContain('authorization');
    expect(headers.get('access-control-allow-headers')).not.toContain('sparekey');
    expect(headers.get('access-control-allow-methods')).toBe('GET, POST');
  });

  it('may not call at all where CORS_ORIGINS is empty', async () => {
    const closed = await startEdgeServer();
    const { headers } = await closed.post('{ hello }', {}, { origin: APP });
    expect(headers.get('access-control-allow-origin')).toBeNull();
    expect((await fetch(`${closed.url}/graphql`, { method: 'OPTIONS', headers: { origin: APP } })).status).toBe(405);
  });
});

describe('What a request tells about its sender', () => {
  it('is the address that a trusted proxy names, and the user agent', async () => {
    const { body } = await edge.post(
      '{ address userAgent }',
      {},
      { 'x-forwarded-for': '1.1.1.1, 203.0.113.9', 'user-agent': 'Test/1' },
    );
    expect(body.data).toEqual({ address: '203.0.113.9', userAgent: 'Test/1' });
  });

  it('is the address of the socket without a proxy', async () => {
    expect((await edge.post('{ address }')).body.data).toEqual({ address: '127.0.0.1' });
  });

  it('does not depend on a Host that is no host', async () => {
    const body = '{"query":"{ hello }"}';
    const headers = ['content-type: application/json', `content-length: ${body.length}`];
    expect(await rawRequest(edge.url, 'POST /graphql HTTP/1.1', headers, body, 'a b<>')).toMatch(/^HTTP\/1.1 200 /);
  });
});

function rawRequest(url: string, line: string, headers: string[], body: string, host = 'localhost'): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
    socket.write([line, `host: ${host}`, 'connection: close', ...headers, '', body].join('\r\n'));
  });
}
