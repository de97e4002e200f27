import { Command } from 'commander';
import type { Config } from '../config/config.js';
import { loadEnvironment } from '../config/environment.js';
import { formatProblems } from '../config/format-problems.js';
import { hasClockOffset } from '../database/clock.js';
import { pendingMigrations } from '../database/migrate.js';
import { keysInUse } from '../domain/crypto/key-use.js';
import { createLogger } from '../server/logger.js';
import { openStores } from '../stores.js';

export const check = new Command('check')
  .description('List every problem of the settings, and what the database needs. Exit 1 where something has to change.')
  .option('--settings-only', 'leave the database alone')
  .action(async ({ settingsOnly = false }: { settingsOnly?: boolean }) => {
    const { config, problems } = loadEnvironment();
    console.log(problems.length === 0 ? 'The settings have no problem.' : formatProblems(problems));
    const isSound = config !== undefined && (settingsOnly || (await checkStores(config)));
    process.exitCode = isSound ? 0 : 1;
  });

async function checkStores(config: Config): Promise<boolean> {
  const stores = await openStores(config, createLogger('error'));
  try {
    const { orm, pool, db } = stores.connection;
    const pending = await pendingMigrations(orm);
    if (pending.length > 0) {
      console.log(`The database lacks ${pending.join(', ')}: run \`sparekey migrate\`, or start.`);
      return true;
    }
    const uses = await keysInUse(db, stores.keyring);
    for (const { keyId, activeBatches, signingKeys, isKnown } of uses) {
      const what = `key ${keyId}: ${activeBatches} active batches, ${signingKeys} signing keys`;
      console.log(isKnown ? what : `${what} – not configured: add it to RECOVERY_KEY_PREVIOUS.`);
    }
    const isShifted = await hasClockOffset(pool);
    if (isShifted) console.log('The database sets sparekey.clock_offset_seconds, which is for tests only.');
    return uses.every((use) => use.isKnown) && !(isShifted && config.server.isProduction);
  } finally {
    await stores.close();
  }
}
