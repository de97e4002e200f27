import type { Config } from '../config/config.js';
import { loadEnvironment } from '../config/environment.js';
import { formatProblems } from '../config/format-problems.js';
import { createLogger } from '../server/logger.js';
import { openStores, type Stores } from '../stores.js';

/** Does something with the database and the keys that the settings name, and closes them. */
export async function withStores<T>(work: (stores: Stores, config: Config) => Promise<T>): Promise<T> {
  const { config, problems } = loadEnvironment();
  if (config === undefined) throw new Error(formatProblems(problems));
  const stores = await openStores(config, createLogger('warn'));
  try {
    return await work(stores, config);
  } finally {
    await stores.close();
  }
}
