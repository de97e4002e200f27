import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/database/embedded-postgres.js';

/** A PostgreSQL that tests make their databases in. */
export interface TestCluster {
  /** Connection string of a role that may make databases and roles. */
  readonly adminUrl: string;
  stop(): Promise<void>;
}

/**
 * Uses the server of the variable TEST_DATABASE_URL, else starts an embedded one below the system's temporary folder,
 * without durability and for 400 connections, which `stop` removes again. Made for Jest's globalSetup.
 */
export async function startTestCluster(): Promise<TestCluster> {
  const { TEST_DATABASE_URL: adminUrl } = process.env;
  if (adminUrl) return { adminUrl, stop: async () => undefined };
  const dataDir = await mkdtemp(join(tmpdir(), 'sparekey-test-'));
  const server = await startEmbeddedPostgres({
    dataDir,
    log: { info: () => undefined, warn: (message) => console.warn(message) },
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '400' },
  });
  return {
    adminUrl: await superuserUrl(server.url, dataDir),
    stop: async () => {
      await server.stop();
      // A link where the system's temporary folder is closed to the server's user.
      await rm(await realpath(join(dataDir, 'postgres')), { recursive: true, force: true });
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function superuserUrl(appUrl: string, dataDir: string): Promise<string> {
  const url = new URL(appUrl);
  url.username = 'postgres';
  url.password = await readFile(join(dataDir, 'postgres', 'superuser.password'), 'utf8');
  url.pathname = '/postgres';
  return url.href;
}

/**
 * Makes a database, as a copy of `template` where one is given, to which nobody may be connected then.
 *
 * @returns its connection string
 */
export async function createDatabase(adminUrl: string, name: string, template?: string): Promise<string> {
  const copy = template === undefined ? '' : ` TEMPLATE ${pg.escapeIdentifier(template)}`;
  await execute(adminUrl, `CREATE DATABASE ${pg.escapeIdentifier(name)}${copy}`);
  const url = new URL(adminUrl);
  url.pathname = `/${encodeURIComponent(name)}`;
  return url.href;
}

/** Removes a database, where it exists, and closes the connections to it. */
export async function dropDatabase(adminUrl: string, name: string): Promise<void> {
  await execute(adminUrl, `DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`);
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
