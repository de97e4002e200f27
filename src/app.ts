import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config } from './config/config.js';
import { pendingMessages } from './domain/events/outbox.js';
import { createServices, type Services } from './domain/services.js';
import { ensureFirstAdmin, type FirstAdmin } from './first-admin.js';
import { OutboxRelay } from './jobs/outbox-relay.js';
import { createMailer } from './mail/mailer.js';
import { createMailTransport, type MailTransport } from './mail/transport.js';
import { createReadiness } from './readiness.js';
import type { Context } from './resolvers/context.js';
import { createLoaders } from './resolvers/loaders.js';
import { buildSparekeySchema } from './resolvers/schema.js';
import { createHttpServer, type HttpServer } from './server/http-server.js';
import { createLogger } from './server/logger.js';
import { createMetrics, type Metrics } from './server/metrics.js';
import { originOf } from './server/origin.js';
import type { RequestFacts } from './server/request-facts.js';
import { openStores, prepareStores, type Stores } from './stores.js';
import { version } from './version.js';

/** How long the delivery under way may take at the stop before it is cut off. */
const DRAIN_MS = 1_000;
const NOT_DELIVERED = 'An outbox message could not be delivered yet.';
const OUTBOX_AWAY = 'The outbox cannot be worked off at the moment.';

/** A Sparekey process, ready to be started. */
export interface App {
  readonly services: Services;
  readonly stores: Stores;
  /** Serves and works as ROLE says; `url` only where it serves. */
  start(): Promise<{ readonly url: string | undefined; readonly firstAdmin: FirstAdmin | undefined }>;
  /** In order: no accepting, requests finished, jobs drained, database closed. */
  close(): Promise<void>;
}

interface Parts {
  readonly config: Config;
  readonly logger: Logger;
  readonly stores: Stores;
  readonly metrics: Metrics;
  readonly services: Services;
  readonly transport: MailTransport;
  readonly relay: OutboxRelay;
  /** Known at the latest when the server listens. */
  readonly address: { publicUrl: string };
}

/** The composition root: everything is made and wired here, top down. */
export async function createApp(config: Config, logger = createLogger(config.server.logLevel)): Promise<App> {
  const stores = await openStores(config, logger);
  try {
    await prepareStores(stores, config);
    return assemble(config, logger, stores);
  } catch (error) {
    await stores.close();
    throw error;
  }
}

function assemble(config: Config, logger: Logger, stores: Stores): App {
  const { db, pool } = stores.connection;
  const address = { publicUrl: config.server.publicUrl ?? 'http://localhost' };
  const publicUrl = () => address.publicUrl;
  const metrics = createMetrics({
    databasePool: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    outboxPending: () => pendingMessages(db),
  });
  const { keyring } = stores;
  const services = createServices({ db, settings: config, keyring, meter: metrics, version, issuer: publicUrl });
  const { siteName, dataDir } = config.server;
  const transport = createMailTransport({ ...config.mail, filesDir: join(dataDir, 'mail'), siteName });
  const relay = new OutboxRelay({
    db,
    keyring,
    mail: createMailer({ transport, siteName, publicUrl }),
    lowThreshold: config.codes.lowThreshold,
    pendingRegistrations: services.pendingRegistrations,
    onFault: ({ topic, error }) =>
      logger.warn({ topic, err: error }, topic === undefined ? OUTBOX_AWAY : NOT_DELIVERED),
  });
  return appOf({ config, logger, stores, metrics, services, transport, relay, address });
}

function appOf(parts: Parts): App {
  const { config, stores, services, relay, transport, address } = parts;
  let http: HttpServer | undefined;
  return {
    services,
    stores,
    async start() {
      await services.signingKeys.ensure();
      const firstAdmin = await ensureFirstAdmin(stores.connection.db, services, config);
      await services.hashings.refresh();
      if (config.server.role !== 'worker') http = await serve(parts);
      const url = (await http?.listen())?.url;
      address.publicUrl = config.server.publicUrl ?? url ?? address.publicUrl;
      relay.start();
      return { url, firstAdmin };
    },
    async close() {
      await http?.close();
      const drained = relay.stop();
      // A mail server that does not answer must not hold the stop: closing cuts off what is under way.
      await Promise.race([drained, delay(DRAIN_MS, undefined, { ref: false })]);
      await transport.close();
      await drained;
      await stores.close();
    },
  };
}

async function serve({ config, logger, metrics, services, stores, relay }: Parts): Promise<HttpServer> {
  return await createHttpServer<Context>({
    config,
    logger,
    metrics,
    schema: await buildSparekeySchema(),
    newContext: (facts) => newContext(services, facts),
    readiness: createReadiness(stores.connection),
    jwks: () => services.signingKeys.jwks(),
    afterMutation: () => relay.wake(),
  });
}

const BEARER = /^Bearer +(\S+)$/i;

async function newContext(services: Services, facts: RequestFacts): Promise<Context> {
  const { authorization } = facts;
  // A header that is no bearer token is a bad one, not an absent one.
  const token = authorization === undefined ? undefined : (BEARER.exec(authorization)?.[1] ?? '');
  const viewer = await services.accounts.viewerBy(token);
  return { services, viewer, origin: originOf(facts), loaders: createLoaders(services) };
}
