import { describe, expect, it } from '@jest/globals';
import { createMetrics } from '../../src/server/metrics.js';

describe('Metrics', () => {
  it('tell the state of the pool and of the outbox at the time of asking', async () => {
    const pool = { total: 5, idle: 2, waiting: 1 };
    let pending = 3;
    const metrics = createMetrics({ databasePool: () => pool, outboxPending: async () => pending });
    expect(await metrics.text()).toContain('sparekey_outbox_pending 3\n');
    pending = 0;
    pool.idle = 5;
    const text = await metrics.text();
    expect(text).toContain('sparekey_outbox_pending 0\n');
    expect(text).toContain('sparekey_database_pool_connections{state="busy"} 0\n');
    expect(text).toContain('sparekey_database_pool_connections{state="idle"} 5\n');
    expect(text).toContain('sparekey_database_pool_connections{state="waiting"} 1\n');
  });

  it('tell how many sockets and subscriptions are open', async () => {
    let subscriptions = 4;
    const metrics = createMetrics({ subscriptions: () => subscriptions });
    for (const change of [1, 1, -1, 1] as const) metrics.socket(change);
    const text = await metrics.text();
    expect(text).toContain('sparekey_sockets_open 2\n');
    expect(text).toContain('sparekey_subscriptions_open 4\n');
    subscriptions = 0;
    expect(await metrics.text()).toContain('sparekey_subscriptions_open 0\n');
  });

  it('leave out what cannot be known while the database is away, and tell the rest', async () => {
    const metrics = createMetrics({ outboxPending: () => Promise.reject(new Error('connect ECONNREFUSED')) });
    metrics.hash('password');
    const text = await metrics.text();
    expect(text).not.toMatch(/^sparekey_outbox_pending/m);
    expect(text).toContain('sparekey_hashes_total{kind="password"} 1\n');
    expect(text).toContain('process_resident_memory_bytes');
  });

  it('of two servers in one process are apart', async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.spend('ACCEPTED');
    expect(await other.text()).not.toContain('ACCEPTED');
  });
});
