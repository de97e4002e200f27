import type { BaseContext } from '@apollo/server';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import type { Config } from '../config/config.js';
import { createApollo } from './apollo-server.js';
import { createClientAddress } from './client-address.js';
import { createErrorFormatter } from './error-formatter.js';
import { addGraphqlRoute } from './graphql-route.js';
import { answerFault } from './http-refusal.js';
import type { Metrics } from './metrics.js';
import { OPERATION_LIMITS } from './operation-limits.js';
import { addOperatorRoutes, type OperatorRouteParts } from './operator-routes.js';
import { addPageRoutes } from './page-routes.js';
import type { RequestFacts } from './request-facts.js';
import { securityHeaders } from './security-headers.js';
import { SocketServer, type SocketServerParts } from './socket/socket-server.js';
import type { SubscriptionParts } from './socket/subscription-protocol.js';
import { isSocketRequest } from './socket/upgrade-refusal.js';

export interface HttpServerParts<C extends BaseContext> extends Pick<OperatorRouteParts, 'readiness' | 'jwks'> {
  readonly config: Pick<Config, 'server'>;
  readonly schema: GraphQLSchema;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Called once for each GraphQL request. What it throws is answered like any other error. */
  newContext(facts: RequestFacts): Promise<C>;
  /** Called when a mutation has been answered. */
  readonly afterMutation?: () => void;
  /** Who opens sockets for subscriptions, and what these run with; without it there are none. */
  readonly sockets?: Pick<
    SubscriptionParts,
    'enter' | 'newContext' | 'maxSubscriptionsPerSocket' | 'maxSocketsPerAccount'
  >;
}

export interface HttpServer {
  /**
   * Accepts connections from here on.
   * @returns the address it really listens on, without a final slash.
   * @throws the system's error, such as EADDRINUSE.
   */
  listen(): Promise<{ url: string }>;
  /**
   * Stops accepting, closes the sockets, lets running requests finish and closes every connection; those that take longer than `timeoutMs`
   * (default 5000) are cut. Calling it again waits for the same end.
   */
  close(timeoutMs?: number): Promise<void>;
  /** True from listening until closing begins. */
  isReady(): boolean;
}

/** Above what any answer takes; a client that sends its request slower than that is let go. */
const REQUEST_TIMEOUT_MS = 30_000;
const CLOSE_TIMEOUT_MS = 5000;
const IDLE_SWEEP_MS = 50;

/** The HTTP side of Sparekey: GraphQL, health, metrics, public keys and plain pages. No I/O before `listen`. */
export async function createHttpServer<C extends BaseContext>(parts: HttpServerParts<C>): Promise<HttpServer> {
  const { config, logger, metrics } = parts;
  const { isProduction, publicUrl, siteName, metricsToken } = config.server;
  const formatError = createErrorFormatter(logger, { hints: !isProduction });
  const apollo = createApollo<C>({ ...parts, formatError, isProduction });
  await apollo.start();

  const app = createFastify(securityHeaders(publicUrl), parts.sockets !== undefined);
  app.setErrorHandler((error, request, reply) => answerFault(reply, { error, request, formatError }));
  addOperatorRoutes(app, {
    metrics,
    metricsToken,
    readiness: () => parts.readiness(),
    jwks: () => parts.jwks(),
  });
  addPageRoutes(app, siteName);
  const clientAddress = createClientAddress(config.server.trustProxy);
  const { corsOrigins } = config.server;
  const newContext = (facts: RequestFacts) => parts.newContext(facts);
  await addGraphqlRoute<C>(app, { apollo, formatError, metrics, clientAddress, corsOrigins, newContext });
  await app.ready();
  const sockets = parts.sockets && openSockets(app, { ...parts, ...parts.sockets, formatError, clientAddress });
  return httpServer(app, config, { sockets, stopped: () => apollo.stop() });
}

/** Beside the routes, on the same port. */
function openSockets(
  app: FastifyInstance,
  parts: Omit<SocketServerParts, 'isAllowedOrigin' | 'isProduction'> & Pick<HttpServerParts<BaseContext>, 'config'>,
): SocketServer {
  const { publicUrl, corsOrigins, isProduction } = parts.config.server;
  const isAllowedOrigin = (origin: string) => origin === (publicUrl ?? urlOf(app)) || corsOrigins.includes(origin);
  const sockets = new SocketServer({ ...parts, isProduction, isAllowedOrigin });
  sockets.attach(app.server);
  return sockets;
}

function createFastify(headers: Readonly<Record<string, string>>, hasSockets: boolean): FastifyInstance {
  const app = Fastify({
    // Other upgrades that a client offers, such as to HTTP/2, are left aside.
    http: hasSockets ? { shouldUpgradeCallback: isSocketRequest } : {},
    bodyLimit: OPERATION_LIMITS.bodyBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    // No hook runs for these.
    frameworkErrors: (_error, _request, reply) => refuse(reply.headers(headers), 400, 'This address is not valid.'),
  });
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers);
    done();
  });
  app.setNotFoundHandler((_request, reply) => refuse(reply, 404, 'There is nothing here.'));
  return app;
}

/** Without the framework's own text, which repeats the address. */
function refuse(reply: FastifyReply, status: number, error: string): void {
  reply.code(status).send({ error });
}

interface Rest {
  readonly sockets: SocketServer | undefined;
  readonly stopped: () => Promise<void>;
}

function httpServer(app: FastifyInstance, { server }: Pick<Config, 'server'>, { sockets, stopped }: Rest): HttpServer {
  let isReady = false;
  let closing: Promise<void> | undefined;
  return {
    async listen() {
      await app.listen({ host: server.host, port: server.port });
      isReady = true;
      return { url: urlOf(app) };
    },
    close(timeoutMs = CLOSE_TIMEOUT_MS) {
      isReady = false;
      closing ??= closeWithin(app, sockets, timeoutMs).then(stopped);
      return closing;
    },
    isReady: () => isReady,
  };
}

async function closeWithin(app: FastifyInstance, sockets: SocketServer | undefined, timeoutMs: number): Promise<void> {
  // A connection that was busy when closing began stays open for its client after the answer.
  const sweep = setInterval(() => app.server.closeIdleConnections(), IDLE_SWEEP_MS);
  const cut = setTimeout(() => app.server.closeAllConnections(), timeoutMs);
  try {
    const closed = app.close();
    await sockets?.close();
    await closed;
  } finally {
    clearInterval(sweep);
    clearTimeout(cut);
  }
}

function urlOf(app: FastifyInstance): string {
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('The server listens on no port.');
  const isAnyAddress = address.address === '0.0.0.0' || address.address === '::';
  const host = isAnyAddress ? 'localhost' : address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
