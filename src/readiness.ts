import { clockSkewMs } from './database/clock.js';
import type { DatabaseConnection } from './database/connect.js';
import { pendingMigrations } from './database/migrate.js';
import type { Readiness } from './server/operator-routes.js';

const MAX_SKEW_MS = 5_000;
const AWAY: Readiness = { isReady: false, database: 'down', migrations: 'unknown', clockSkewMs: null };

/** Asks the database at each call; a database that is away is an answer, not an error. */
export function createReadiness({ pool, orm }: DatabaseConnection): () => Promise<Readiness> {
  let isMigrated = false;
  return async () => {
    try {
      const skew = await clockSkewMs(pool);
      isMigrated ||= (await pendingMigrations(orm)).length === 0;
      return {
        isReady: isMigrated && Math.abs(skew) <= MAX_SKEW_MS,
        database: 'up',
        migrations: isMigrated ? 'applied' : 'pending',
        clockSkewMs: skew,
      };
    } catch {
      return AWAY;
    }
  };
}
