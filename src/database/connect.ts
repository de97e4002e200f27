import { Migrator } from '@mikro-orm/migrations';
import { MikroORM, type Options } from '@mikro-orm/postgresql';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { entities } from '../entities/index.js';
import type { Tables } from '../entities/tables.js';
import { migrations } from '../migrations/index.js';
import { NamingPlugin } from './naming-plugin.js';
import { PreparingClient } from './preparing-client.js';

export interface ConnectOptions {
  readonly url: string;
  readonly poolSize: number;
  /** Told of connections that the server dropped while they were idle; the pool replaces them by itself. */
  readonly onConnectionLost?: (error: Error) => void;
}

/** The one way to the database: a pool, the query builder on it for the rules, and the ORM that knows the schema. */
export interface DatabaseConnection {
  readonly pool: pg.Pool;
  readonly db: Kysely<Tables>;
  readonly orm: MikroORM;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;

/** What `mikro-orm` needs to know of the schema, for migrations and for their check. */
export function ormOptions(driverOptions: Options['driverOptions']): Options {
  return {
    entities: [...entities],
    dbName: 'sparekey',
    driverOptions,
    extensions: [Migrator],
    logger: () => undefined,
    // Agenda's tables are its own, and our functions are written in the migrations: a schema diff would drop both.
    schemaGenerator: { skipTables: [/^agenda_/], ignoreRoutines: true, disableForeignKeys: false },
    migrations: { migrationsList: migrations, tableName: 'migrations', snapshot: false, transactional: true },
  };
}

/** Connects lazily: a database that is away shows itself at the first statement, not here. */
export function connectDatabase({ url, poolSize, onConnectionLost }: ConnectOptions): DatabaseConnection {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'sparekey',
    Client: PreparingClient,
  });
  const lost = onConnectionLost ?? (() => undefined);
  pool.on('error', lost);
  pool.on('connect', (client) => client.on('error', lost));
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  const orm = new MikroORM(ormOptions(kysely));
  return {
    pool,
    db: kysely.withPlugin(new NamingPlugin()),
    orm,
    async close() {
      await orm.close(true);
      // The ORM closes what it has used, and it is used for migrations only.
      if (!pool.ending) await pool.end();
    },
  };
}
