import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Meter } from '../domain/meter.js';
import type { OperationObserver } from '../plugins/operation-metrics.js';

/** What the process counts, and how Prometheus reads it. */
export interface Metrics extends Meter, OperationObserver, SocketObserver {
  readonly contentType: string;
  /** One run of a cleanup task ended so, having removed so many rows. */
  run(task: string, status: string, rows: number): void;
  /** Everything in Prometheus' text format. A gauge whose source fails at the moment is left out. */
  text(): Promise<string>;
}

export interface SocketObserver {
  /** @param change 1 when one has opened, -1 when it has closed. */
  socket(change: 1 | -1): void;
}

/** Read at every scrape. */
export interface GaugeSources {
  readonly databasePool?: () => PoolState;
  /** Rows that wait to be mailed or published. */
  readonly outboxPending?: () => Promise<number>;
  /** Streams that subscribers follow. */
  readonly subscriptions?: () => number;
}

export interface PoolState {
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
}

/** A registry of its own, so that several servers can live in one process. */
export function createMetrics(sources: GaugeSources = {}): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addGauges(registry, sources);
  return {
    ...meter(registry),
    run: runCounter(registry),
    ...operationObserver(registry),
    ...socketObserver(registry),
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}

function operationObserver(registry: Registry): OperationObserver {
  const requests = new Counter({
    name: 'sparekey_requests_total',
    help: 'GraphQL requests by kind of operation and by outcome, which is OK or an error code.',
    labelNames: ['operation', 'outcome'] as const,
    registers: [registry],
  });
  const duration = new Histogram({
    name: 'sparekey_request_duration_seconds',
    help: 'Time from reading a GraphQL request to having its answer.',
    labelNames: ['operation'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  return {
    operation(kind, outcome, seconds) {
      requests.inc({ operation: kind, outcome });
      duration.observe({ operation: kind }, seconds);
    },
  };
}

function meter(registry: Registry): Meter {
  const counter = <Label extends string>(name: string, help: string, label: Label) =>
    new Counter({ name, help, labelNames: [label], registers: [registry] });
  const hashes = counter('sparekey_hashes_total', 'Slow hashes computed, by what was hashed.', 'kind');
  const spends = counter('sparekey_spends_total', 'Attempts to spend a recovery code, by outcome.', 'outcome');
  const refusals = counter('sparekey_rate_limit_refusals_total', 'Attempts that the limiter refused.', 'policy');
  return {
    hash: (kind) => hashes.inc({ kind }),
    spend: (outcome) => spends.inc({ outcome }),
    refusal: (policy) => refusals.inc({ policy }),
  };
}

function socketObserver(registry: Registry): SocketObserver {
  const sockets = new Gauge({
    name: 'sparekey_sockets_open',
    help: 'WebSockets that are open.',
    registers: [registry],
  });
  return { socket: (change) => sockets.inc(change) };
}

function runCounter(registry: Registry): Metrics['run'] {
  const runs = new Counter({
    name: 'sparekey_cleanup_runs_total',
    help: 'Runs of cleanup tasks that ended in this process, by how.',
    labelNames: ['task', 'status'] as const,
    registers: [registry],
  });
  const rows = new Counter({
    name: 'sparekey_cleanup_rows_total',
    help: 'Rows that cleanup tasks removed in this process.',
    labelNames: ['task'] as const,
    registers: [registry],
  });
  return (task, status, count) => {
    runs.inc({ task, status });
    rows.inc({ task }, count);
  };
}

function addGauges(registry: Registry, { databasePool, outboxPending, subscriptions }: GaugeSources): void {
  if (databasePool) addPoolGauge(registry, databasePool);
  if (outboxPending) addOutboxGauge(registry, outboxPending);
  if (!subscriptions) return;
  new Gauge({
    name: 'sparekey_subscriptions_open',
    help: 'Subscriptions that run over the sockets.',
    registers: [registry],
    collect() {
      this.set(subscriptions());
    },
  });
}

function addOutboxGauge(registry: Registry, outboxPending: () => Promise<number>): void {
  new Gauge({
    name: 'sparekey_outbox_pending',
    help: 'Rows of the outbox that are not delivered yet.',
    registers: [registry],
    async collect() {
      this.reset();
      try {
        this.set(await outboxPending());
      } catch {
        this.remove();
      }
    },
  });
}

function addPoolGauge(registry: Registry, databasePool: () => PoolState): void {
  new Gauge({
    name: 'sparekey_database_pool_connections',
    help: 'Connections of the database pool; waiting are requests for one.',
    labelNames: ['state'] as const,
    registers: [registry],
    collect() {
      const { total, idle, waiting } = databasePool();
      this.set({ state: 'busy' }, total - idle);
      this.set({ state: 'idle' }, idle);
      this.set({ state: 'waiting' }, waiting);
    },
  });
}
