import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { TEMPLATE } from './global-setup.js';
import { createDatabase, dropDatabase } from './postgres-cluster.js';

/** A migrated, empty database of a test's own. */
export interface TestDatabase {
  readonly url: string;
  readonly pool: pg.Pool;
  /** Rows of a statement, as plain objects. */
  rows<T extends object = Record<string, unknown>>(text: string, values?: unknown[]): Promise<T[]>;
  /** Moves the rules' clock for connections opened from here on. */
  shiftClock(seconds: number): Promise<void>;
  drop(): Promise<void>;
}

export function adminUrl(): string {
  const url = process.env['SPAREKEY_TEST_CLUSTER'];
  if (url === undefined) throw new Error('Run the tests by `npm test`: the global setup starts their PostgreSQL.');
  return url;
}

/** A copy of the template; drop it when done. */
export async function makeDatabase(): Promise<TestDatabase> {
  const name = `sparekey_${randomBytes(6).toString('hex')}`;
  const url = await createDatabase(adminUrl(), name, TEMPLATE);
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  pool.on('error', () => undefined);
  const rows = async <T extends object>(text: string, values: unknown[] = []) =>
    (await pool.query(text, values)).rows as T[];
  return {
    url,
    pool,
    rows,
    shiftClock: async (seconds) => {
      await pool.query(`alter database ${name} set sparekey.clock_offset_seconds = '${seconds}'`);
    },
    drop: async () => {
      await pool.end();
      await dropDatabase(adminUrl(), name);
    },
  };
}

/** The same database with the rules' clock moved, for connections by this address. */
export function withClockOffset(url: string, seconds: number): string {
  const shifted = new URL(url);
  shifted.searchParams.set('options', `-c sparekey.clock_offset_seconds=${seconds}`);
  return shifted.href;
}
