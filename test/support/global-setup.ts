import { connectDatabase } from '../../src/database/connect.js';
import { migrate } from '../../src/database/migrate.js';
import { createDatabase, dropDatabase, startTestCluster } from './postgres-cluster.js';

export const TEMPLATE = 'sparekey_template';

/** One PostgreSQL for the whole run, and in it one migrated database that each test file copies. */
export default async function globalSetup(): Promise<void> {
  const cluster = await startTestCluster();
  (globalThis as { sparekeyCluster?: unknown }).sparekeyCluster = cluster;
  await dropDatabase(cluster.adminUrl, TEMPLATE);
  const url = await createDatabase(cluster.adminUrl, TEMPLATE);
  const connection = connectDatabase({ url, poolSize: 2 });
  await migrate(connection.orm, url);
  await connection.close();
  process.env['SPAREKEY_TEST_CLUSTER'] = cluster.adminUrl;
}
