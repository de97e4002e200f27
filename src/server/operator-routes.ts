import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { answerWithin } from './answer-within.js';
import { isLoopback } from './client-address.js';
import type { Metrics } from './metrics.js';

/** Whether this process can serve now, and why not. Anybody may read it: no names, addresses or texts of errors. */
export interface Readiness {
  readonly isReady: boolean;
  readonly database: 'up' | 'down';
  readonly migrations: 'applied' | 'pending' | 'unknown';
  /** This machine's clock less the database's; null where the database cannot be asked. */
  readonly clockSkewMs: number | null;
}

export interface OperatorRouteParts {
  readonly metrics: Metrics;
  readonly metricsToken: string | undefined;
  readiness(): Promise<Readiness>;
  /** The public signing keys, as a JSON Web Key Set, and for how long others may keep it. */
  jwks(): Promise<{ readonly keys: readonly object[]; readonly maxAgeSeconds: number }>;
}

const READINESS_TIMEOUT_MS = 3000;
const UNKNOWN: Readiness = { isReady: false, database: 'down', migrations: 'unknown', clockSkewMs: null };

/** Whatever a proxy adds to a request that it passes on. */
const PROXY_HEADERS = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip'];

/** Health, readiness, public keys and metrics. */
export function addOperatorRoutes(app: FastifyInstance, parts: OperatorRouteParts): void {
  addHealthRoutes(app, parts);
  app.get('/.well-known/jwks.json', async (_request, reply) => {
    const { keys, maxAgeSeconds } = await parts.jwks();
    return reply.header('cache-control', `public, max-age=${maxAgeSeconds}`).send({ keys });
  });
  app.get('/metrics', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    if (mayReadMetrics(request, parts.metricsToken)) {
      return reply.type(parts.metrics.contentType).send(await parts.metrics.text());
    }
    if (parts.metricsToken !== undefined) reply.header('www-authenticate', 'Bearer');
    return reply
      .code(parts.metricsToken === undefined ? 403 : 401)
      .send({ error: 'Metrics are for this machine itself, and for whoever has METRICS_TOKEN.' });
  });
}

function addHealthRoutes(app: FastifyInstance, parts: OperatorRouteParts): void {
  const readiness = answerWithin(READINESS_TIMEOUT_MS, () => parts.readiness(), UNKNOWN);
  app.get('/healthz', (_request, reply) => {
    reply.header('cache-control', 'no-store').send({ status: 'ok' });
  });
  app.get('/readyz', async (_request, reply) => {
    const { isReady, database, migrations, clockSkewMs } = await readiness();
    return reply
      .code(isReady ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status: isReady ? 'ready' : 'not ready', database, migrations, clockSkewMs });
  });
}

function mayReadMetrics({ headers, raw }: FastifyRequest, metricsToken: string | undefined): boolean {
  const given = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  if (given !== undefined && metricsToken !== undefined) return isSame(given, metricsToken);
  // A proxy on this machine passes the whole world on as loopback.
  return isLoopback(raw.socket.remoteAddress) && !PROXY_HEADERS.some((name) => name in headers);
}

function isSame(one: string, other: string): boolean {
  return timingSafeEqual(digest(one), digest(other));
}

/** Of equal length, as the comparison needs it. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
