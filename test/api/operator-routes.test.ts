import { afterAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeEdgeServers, startEdgeServer } from '../support/edge-server.js';

afterAll(closeEdgeServers);

const TOKEN = 'a-metrics-token-of-32-characters';

describe('Health and readiness', () => {
  it('are told in a few words', async () => {
    const { url } = await startEdgeServer();
    const [health, ready] = [await fetch(`${url}/healthz`), await fetch(`${url}/readyz`)];
    expect([health.status, await health.json()]).toEqual([200, { status: 'ok' }]);
    expect([ready.status, await ready.json()]).toEqual([
      200,
      { status: 'ready', database: 'up', migrations: 'applied', clockSkewMs: 3 },
    ]);
    expect(ready.headers.get('cache-control')).toBe('no-store');
  });

  it('say 503 where the database is away, and stay alive', async () => {
    const { url } = await startEdgeServer({ readiness: () => Promise.reject(new Error('connect s3cret')) });
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([
      503,
      { status: 'not ready', database: 'down', migrations: 'unknown', clockSkewMs: null },
    ]);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('say 503 in time where the database does not answer, and ask it once for all who ask', async () => {
    let asked = 0;
    const never = () => {
      asked += 1;
      return new Promise<never>(() => undefined);
    };
    const { url } = await startEdgeServer({ readiness: never });
    const answers = await Promise.all([1, 2, 3].map(() => fetch(`${url}/readyz`)));
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 503]);
    expect(asked).toBe(1);
  });
});

describe('The public keys', () => {
  it('are a JSON Web Key Set that may be kept as long as it holds', async () => {
    const keys = [{ kty: 'OKP', crv: 'Ed25519', kid: '1', x: 'x' }];
    const { url } = await startEdgeServer({ jwks: async () => ({ keys, maxAgeSeconds: 17 }) });
    const response = await fetch(`${url}/.well-known/jwks.json`);
    expect(await response.json()).toEqual({ keys });
    expect(response.headers.get('cache-control')).toBe('public, max-age=17');
  });

  it('are UNAVAILABLE where the database is away, without details', async () => {
    const away = Object.assign(new Error('s3cret'), { code: '57P01' });
    const { url } = await startEdgeServer({ jwks: () => Promise.reject(away) });
    const response = await fetch(`${url}/.well-known/jwks.json`);
    const text = await response.text();
    expect([response.status, response.headers.get('cache-control')]).toEqual([503, null]);
    expect(text).toContain('UNAVAILABLE');
    expect(text).not.toContain('s3cret');
  });
});

describe('Metrics', () => {
  const metrics = (url: string, headers: Record<string, string> = {}) => fetch(`${url}/metrics`, { headers });

  it('are for this machine', async () => {
    const { url } = await startEdgeServer();
    const response = await metrics(url);
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('sparekey_requests_total');
  });

  it.each(['x-forwarded-for', 'forwarded', 'via', 'x-real-ip'])(
    'are not for whom a proxy on it passes on: %s',
    async (name) => {
      const { url } = await startEdgeServer({ server: { trustProxy: ['127.0.0.1'] } });
      expect((await metrics(url, { [name]: '127.0.0.1' })).status).toBe(403);
    },
  );

  it('are for whoever has METRICS_TOKEN, from anywhere', async () => {
    const { url } = await startEdgeServer({ server: { metricsToken: TOKEN } });
    const from = { 'x-forwarded-for': '203.0.113.9' };
    expect((await metrics(url, { ...from, authorization: `Bearer ${TOKEN}` })).status).toBe(200);
    for (const authorization of [`Bearer ${TOKEN}x`, 'Bearer x', `Basic ${TOKEN}`, '']) {
      const refused = await metrics(url, { ...from, authorization });
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    }
  });

  it('count operations by kind and outcome, and what the rules count', async () => {
    const edge = await startEdgeServer();
    await edge.post('{ hello }');
    await edge.post('mutation { bump }');
    await edge.post('{ wrong }');
    await edge.post('{ hello }', {}, { 'content-type': 'text/plain' });
    edge.metrics.hash('code');
    edge.metrics.spend('ACCEPTED');
    edge.metrics.refusal('VERIFY');
    const text = await (await metrics(edge.url)).text();
    for (const line of [
      'sparekey_requests_total{operation="query",outcome="OK"} 1',
      'sparekey_requests_total{operation="mutation",outcome="OK"} 1',
      'sparekey_requests_total{operation="none",outcome="BAD_USER_INPUT"} 2',
      'sparekey_request_duration_seconds_count{operation="query"} 1',
      'sparekey_hashes_total{kind="code"} 1',
      'sparekey_spends_total{outcome="ACCEPTED"} 1',
      'sparekey_rate_limit_refusals_total{policy="VERIFY"} 1',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
  });
});

describe('Pages', () => {
  it('say that the server runs', async () => {
    const { url } = await startEdgeServer();
    const response = await fetch(url);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await response.text()).toContain('Sparekey is running');
  });

  it('of mailed links carry a policy whose nonce is fresh', async () => {
    const { url } = await startEdgeServer({ server: { siteName: 'A <b>' } });
    const nonces = await Promise.all(
      [1, 2].map(async () => {
        const response = await fetch(`${url}/verify-email`);
        const nonce = /'nonce-([^']+)'/.exec(response.headers.get('content-security-policy') ?? '')?.[1];
        const html = await response.text();
        expect(html).toContain(`nonce="${nonce}"`);
        expect(html).not.toContain('<b>');
        return nonce;
      }),
    );
    expect(new Set(nonces).size).toBe(2);
  });
});

describe('Closing', () => {
  it('finishes what runs, takes nothing new, and closes kept connections', async () => {
    const edge = await startEdgeServer({ resolvers: { 'Query.fail': () => sleep(300, 'done') } });
    await edge.post('{ hello }');
    const running = edge.post('{ fail(how: "slowly") }');
    await sleep(100);
    expect(edge.server.isReady()).toBe(true);
    const closing = edge.server.close();
    expect(edge.server.isReady()).toBe(false);
    expect((await running).body).toEqual({ data: { fail: 'done' } });
    const answered = performance.now();
    await closing;
    expect(performance.now() - answered).toBeLessThan(500);
    await expect(edge.post('{ hello }')).rejects.toThrow('fetch failed');
  });

  it('cuts what takes too long', async () => {
    const edge = await startEdgeServer({ resolvers: { 'Query.fail': () => sleep(3000, 'done', { ref: false }) } });
    const running = edge.post('{ fail(how: "slowly") }').catch(() => 'cut');
    await sleep(100);
    const begun = performance.now();
    await edge.server.close(200);
    expect(performance.now() - begun).toBeLessThan(1500);
    expect(await running).toBe('cut');
  });

  it('can be asked for twice', async () => {
    const { server } = await startEdgeServer();
    await Promise.all([server.close(), server.close()]);
  });
});
