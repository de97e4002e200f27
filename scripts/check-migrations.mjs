// `npm run migration:check`: applies every migration to an empty database and holds the result against the entities.
// Uses TEST_DATABASE_URL (a role that may create databases) where it is set, else a PostgreSQL of its own.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { connectDatabase } from '../dist/database/connect.js';
import { startEmbeddedPostgres } from '../dist/database/embedded-postgres.js';
import { migrate } from '../dist/database/migrate.js';

const given = process.env['TEST_DATABASE_URL'];
const { url, stop } = await (given ? scratchDatabase(given) : ownServer());
try {
  const { orm, close } = connectDatabase({ url, poolSize: 2 });
  await migrate(orm, url);
  const drift = (await orm.schema.getUpdateSchemaSQL({ wrap: false })).trim();
  await close();
  if (drift !== '') {
    console.error(`The migrations do not lead to what the entities say. What is missing:\n\n${drift}`);
    process.exitCode = 1;
  } else {
    console.log('migrations: they lead to what the entities say');
  }
} finally {
  await stop();
}

async function ownServer() {
  const dataDir = await mkdtemp(join(tmpdir(), 'sparekey-migrations-'));
  const server = await startEmbeddedPostgres({ dataDir, log: { info() {}, warn() {} }, settings: { fsync: 'off' } });
  const stop = async () => {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  return { url: server.url, stop };
}

async function scratchDatabase(adminUrl) {
  const name = `sparekey_check_${randomBytes(4).toString('hex')}`;
  const run = async (statement) => {
    const client = new pg.Client({ connectionString: adminUrl });
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };
  await run(`create database ${name}`);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return { url: url.href, stop: () => run(`drop database ${name} with (force)`) };
}
