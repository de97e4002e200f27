import { Command } from 'commander';
import type { Config } from '../config/config.js';
import { loadEnvironment } from '../config/environment.js';
import { formatProblems } from '../config/format-problems.js';
import { pendingMigrations } from '../database/migrate.js';
import { checkDatabase } from '../domain/settings-check.js';
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
    const { orm, db } = stores.connection;
    const pending = await pendingMigrations(orm);
    if (pending.length > 0) {
      console.log(`The database lacks ${pending.join(', ')}: run \`sparekey migrate\`, or start.`);
      return true;
    }
    const { keys, problems } = await checkDatabase(db, stores.keyring, config.server);
    for (const { keyId, activeBatches, signingKeys } of keys) {
      console.log(`key ${keyId}: ${activeBatches} active batches, ${signingKeys} signing keys`);
    }
    if (problems.length > 0) console.log(formatProblems(problems));
    return problems.every(({ severity }) => severity === 'WARNING');
  } finally {
    await stores.close();
  }
}
