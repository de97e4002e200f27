import type { TestCluster } from './postgres-cluster.js';

export default async function globalTeardown(): Promise<void> {
  await (globalThis as { sparekeyCluster?: TestCluster }).sparekeyCluster?.stop();
}
