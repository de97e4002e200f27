import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config } from './config/config.js';
import { SignalListener } from './database/signal-listener.js';
import { CleanupRunner } from './domain/cleanup/cleanup-runner.js';
import { ReportMails } from './domain/cleanup/report-mails.js';
import { ensureDefaultSchedules } from './domain/cleanup/schedules/default-schedules.js';
import { pendingMessages } from './domain/events/outbox.js';
import type { LiveSession } from './domain/live/live-session.js';
import { Mails } from './domain/mail/mails.js';
import { createServices, type Services } from './domain/services.js';
import type { SettingProblem } from './domain/settings-check.js';
import { CHANNELS } from './domain/signals.js';
import { renderCodeFile } from './files/render-code-file.js';
import { createFetchJson } from './http-fetch/fetch-json.js';
import { ensureFirstAdmin, type FirstAdmin } from './first-admin.js';
import { createJobQueue } from './jobs/create-job-queue.js';
import type { JobQueue } from './jobs/job-queue.js';
import { OutboxRelay } from './jobs/outbox-relay.js';
import { createWorker, type Worker } from './jobs/worker.js';
import { createLogFaults, type LogFaults } from './log-faults.js';
import { createMailer } from './mail/mailer.js';
import { createMailTransport, type MailTransport } from './mail/transport.js';
import { createReadiness } from './readiness.js';
import type { Context } from './resolvers/context.js';
import { createLoaders, type Loaders } from './resolvers/loaders.js';
import { buildSparekeySchema } from './resolvers/schema.js';
import { createHttpServer, type HttpServer } from './server/http-server.js';
import { createLogger } from './server/logger.js';
import { createMetrics, type Metrics } from './server/metrics.js';
import { originOf, originOfUser } from './server/origin.js';
import type { RequestFacts } from './server/request-facts.js';
import { sessionCookieOf } from './server/session-cookie.js';
import { openStores, prepareStores, type Stores } from './stores.js';
import { version } from './version.js';

/** How long the delivery under way may take at the stop before it is cut off. */
const DRAIN_MS = 1_000;
/** How long a chunk of a cleanup, and a mail under way, may take at the stop. */
const JOBS_END_WITHIN_MS = 2_000;
/** Each run holds a connection; the others are for those who ask. */
const RUNS_PART_OF_POOL = 3;

/** A Sparekey process, ready to be started. */
export interface App {
  readonly services: Services;
  readonly stores: Stores;
  /** Serves and works as ROLE says; `url` only where it serves. */
  start(): Promise<{ readonly url: string | undefined; readonly firstAdmin: FirstAdmin | undefined }>;
  /** In order: no accepting, requests finished, jobs drained, database closed. */
  close(): Promise<void>;
}

interface Common {
  readonly config: Config;
  readonly logger: Logger;
  readonly stores: Stores;
  readonly metrics: Metrics;
  readonly faults: LogFaults;
  readonly services: Services;
  readonly relay: OutboxRelay;
  readonly signals: SignalListener;
  readonly queue: JobQueue;
}

interface Parts extends Common {
  readonly transport: MailTransport;
  /** Undefined where this process leaves jobs to others. */
  readonly worker: Worker | undefined;
  /** Known at the latest when the server listens. */
  readonly address: { publicUrl: string };
}

/** The composition root: everything is made and wired here, top down. */
export async function createApp(
  config: Config,
  logger = createLogger(config.server.logLevel),
  settingProblems: readonly SettingProblem[] = [],
): Promise<App> {
  const stores = await openStores(config, logger);
  try {
    await prepareStores(stores, config);
    return await assemble({ config, logger, stores, settingProblems });
  } catch (error) {
    await stores.close();
    throw error;
  }
}

interface Ground extends Pick<Common, 'config' | 'logger' | 'stores'> {
  /** What was found of the settings when they were read. */
  readonly settingProblems: readonly SettingProblem[];
}

async function assemble({ config, logger, stores, settingProblems }: Ground): Promise<App> {
  const { db, pool } = stores.connection;
  const address = { publicUrl: config.server.publicUrl ?? 'http://localhost' };
  const publicUrl = () => address.publicUrl;
  const metrics = createMetrics({
    databasePool: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    outboxPending: () => pendingMessages(db),
    subscriptions: () => services.live.size,
  });
  const { keyring, databaseUrl } = stores;
  const faults = createLogFaults(logger);
  const signals = new SignalListener({ url: databaseUrl, channels: CHANNELS, onFault: faults.notHeard });
  const queue = await createJobQueue({ db, pool, signals, stores: config.stores, onFault: faults.jobs });
  const settingsFound = { problems: settingProblems, isProduction: config.server.isProduction };
  const { siteName, dataDir } = config.server;
  const transport = createMailTransport({ ...config.mail, filesDir: join(dataDir, 'mail'), siteName });
  const mail = createMailer({ transport, siteName, publicUrl });
  const mails = new Mails(db, { mail, settings: config, onLogFault: faults.mailNotLogged });
  const core = { db, settings: config, settingsFound, keyring, meter: metrics, version, issuer: publicUrl };
  const live = { signals, jobs: queue, onLiveFault: faults.notRead };
  const issuers = { fetchJson: createFetchJson(config.issuers), issuerLog: faults.issuers };
  const services = createServices({ ...core, ...live, ...issuers, mails, renderCodeFile });
  const { pendingRegistrations, pendingPasswordResets, pendingEmailChanges } = services;
  const requests = { pendingRegistrations, pendingPasswordResets, pendingEmailChanges };
  const { lowThreshold } = config.codes;
  const { adminEmail } = config.mail;
  const delivery = { db, keyring, mail, mails, lowThreshold, adminEmail, ...requests, jobs: queue };
  const relay = new OutboxRelay({ ...delivery, onFault: faults.outbox });
  const common = { config, logger, stores, metrics, faults, services, relay, signals, queue };
  const worker = config.server.role === 'api' ? undefined : workerOf(common, mails);
  return appOf({ ...common, transport, worker, address });
}

function workerOf({ config, stores, services, metrics, faults, relay, queue }: Common, mails: Mails): Worker {
  const { db } = stores.connection;
  const runner = new CleanupRunner(db, {
    settings: config,
    finishedJobs: queue.finishedJobs,
    keyRefresh: services.keyRefresh,
    log: faults.runs,
    ended: ({ task, status, total, isDryRun }) => {
      metrics.run(task, status, isDryRun ? 0 : total);
      relay.wake();
    },
  });
  return createWorker({
    db,
    settings: config,
    jobs: queue,
    runner,
    runsAtOnce: Math.max(1, Math.floor(config.stores.databasePoolSize / RUNS_PART_OF_POOL)),
    codeMailing: services.codeMailing,
    keyRotation: services.keyRotation,
    reportMails: new ReportMails(db, { settings: config, mails }),
    onFault: faults.notSwept,
  });
}

function appOf(parts: Parts): App {
  const { config, stores, services, relay, signals, queue, worker, transport, address } = parts;
  let http: HttpServer | undefined;
  return {
    services,
    stores,
    async start() {
      await services.signingKeys.ensure();
      const firstAdmin = await ensureFirstAdmin(stores.connection.db, services, config);
      await services.hashings.refresh();
      await signals.start();
      if (config.server.role !== 'worker') http = await serve(parts);
      const url = (await http?.listen())?.url;
      address.publicUrl = config.server.publicUrl ?? url ?? address.publicUrl;
      relay.start();
      await queue.start(worker, async () => void (await ensureDefaultSchedules(stores.connection.db, queue)));
      return { url, firstAdmin };
    },
    async close() {
      await http?.close();
      await worker?.stop();
      await queue.stop(JOBS_END_WITHIN_MS);
      const drained = relay.stop();
      // A mail server that does not answer must not hold the stop: closing cuts off what is under way.
      await Promise.race([drained, delay(DRAIN_MS, undefined, { ref: false })]);
      await transport.close();
      await drained;
      await signals.stop();
      await stores.close();
    },
  };
}

async function serve({ config, logger, metrics, services, stores, relay, address }: Parts): Promise<HttpServer> {
  return await createHttpServer<Context>({
    config,
    logger,
    metrics,
    schema: await buildSparekeySchema(),
    newContext: (facts) => newContext(services, facts, address.publicUrl),
    readiness: createReadiness(stores.connection),
    jwks: () => services.signingKeys.jwks(),
    afterMutation: () => relay.wake(),
    sockets: {
      ...config.accounts,
      enter: (token, onEnd, facts) => services.live.enter(token, onEnd, originOf(facts)),
      newContext: (session, facts) => subscriptionContext(services, session, facts),
    },
  });
}

const BEARER = /^Bearer +(\S+)$/i;

async function newContext(services: Services, facts: RequestFacts, publicUrl: string): Promise<Context> {
  const headers = (name: string) => facts.headers(name);
  const requestOrigin = originOf(facts);
  const viewer = await services.authentication.viewerOf({ bearer: bearerIn(headers), origin: requestOrigin, headers });
  const origin = viewer.kind === 'service' ? originOfUser(viewer) : requestOrigin;
  const sessionCookie = () => sessionCookieOf(facts, publicUrl);
  return { services, viewer, origin, loaders: createLoaders(services), sessionCookie };
}

/** Empty for what is no bearer token, and for several, of which nobody knows whose is meant: bad, not absent. */
function bearerIn(headers: RequestFacts['headers']): string | undefined {
  const [authorization, ...others] = headers('authorization');
  if (authorization === undefined) return undefined;
  return (others.length === 0 && BEARER.exec(authorization)?.[1]) || '';
}

function subscriptionContext(services: Services, session: LiveSession, facts: RequestFacts): Context {
  let loaders: Loaders | undefined;
  return {
    services,
    origin: originOf(facts),
    session,
    // Most subscriptions need none, and there can be very many of them.
    get loaders() {
      return (loaders ??= createLoaders(services));
    },
    get viewer() {
      return session.viewer;
    },
  };
}
