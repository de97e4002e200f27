import type { Logger } from 'pino';
import type { Config } from './config/config.js';
import { ensureRecoveryKey, prepareDataDir } from './config/data-dir.js';
import { connectDatabase, type DatabaseConnection } from './database/connect.js';
import type { EmbeddedPostgres } from './database/embedded-postgres.js';
import { migrate } from './database/migrate.js';
import { keysInUse } from './domain/crypto/key-use.js';
import { Keyring } from './domain/crypto/keyring.js';
import { isClockShifted } from './domain/settings-check.js';

/** What keeps Sparekey's data, and the keys to it. */
export interface Stores {
  readonly connection: DatabaseConnection;
  readonly keyring: Keyring;
  readonly databaseUrl: string;
  close(): Promise<void>;
}

/** A state in which serving would do harm; the message says what to do, and is for the operator. */
export class StartRefusedError extends Error {}

/** Opens the database, the embedded one where none is named, and the keys. Nothing is migrated yet. */
export async function openStores(config: Config, logger: Logger): Promise<Stores> {
  await prepareDataDir(config.server.dataDir);
  const recoveryKey = await ensureRecoveryKey(config);
  const database = await openDatabase(config, logger);
  const connection = connectDatabase({
    url: database.url,
    poolSize: config.stores.databasePoolSize,
    onConnectionLost: (err) => logger.warn({ err }, 'A database connection was lost.'),
  });
  return {
    connection,
    databaseUrl: database.url,
    keyring: new Keyring(recoveryKey, config.keys.previousRecoveryKeys),
    close: async () => {
      await connection.close();
      await database.stop();
    },
  };
}

/** Brings the schema up to date and refuses what would do harm: a shifted clock in production, keys that are missing. */
export async function prepareStores({ connection, keyring, databaseUrl }: Stores, config: Config): Promise<void> {
  if (config.server.isProduction && (await isClockShifted(connection.db))) {
    throw new StartRefusedError(
      'The database sets sparekey.clock_offset_seconds, which is for tests only: reset it (ALTER ROLE or DATABASE … RESET).',
    );
  }
  await migrate(connection.orm, databaseUrl);
  const missing = (await keysInUse(connection.db, keyring)).filter((use) => !use.isKnown);
  if (missing.length > 0) {
    const ids = missing.map((use) => `${use.keyId} (${use.activeBatches} batches, ${use.signingKeys} signing keys)`);
    throw new StartRefusedError(
      `Still in use, and not configured: the key with id ${ids.join(', ')}. Add it to RECOVERY_KEY_PREVIOUS.`,
    );
  }
}

async function openDatabase({ server, stores }: Config, logger: Logger): Promise<EmbeddedPostgres> {
  if (stores.databaseUrl !== undefined) return { url: stores.databaseUrl, stop: async () => undefined };
  // Production brings its own database, and need not load this one's code.
  const { startEmbeddedPostgres } = await import('./database/embedded-postgres.js');
  return await startEmbeddedPostgres({
    dataDir: server.dataDir,
    log: { info: (message) => logger.debug(message), warn: (message) => logger.warn(message) },
  });
}
