import type { MikroORM } from '@mikro-orm/postgresql';
import pg from 'pg';

// Any number that no other program takes in this database; all Sparekey processes agree on it.
const MIGRATION_LOCK = 7_277_333;

/**
 * Brings the schema up to date and returns the names of the migrations applied. Processes that start together wait for
 * one another on an advisory lock, so that each migration runs once.
 */
export async function migrate(orm: MikroORM, url: string): Promise<readonly string[]> {
  const holder = new pg.Client({ connectionString: url });
  holder.on('error', () => undefined);
  await holder.connect();
  try {
    await holder.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const applied = await orm.migrator.up();
    return applied.map((migration) => migration.name);
  } finally {
    await holder.end();
  }
}

/** The names of the migrations that this program has and the database lacks. */
export async function pendingMigrations(orm: MikroORM): Promise<readonly string[]> {
  const pending = await orm.migrator.getPending();
  return pending.map((migration) => migration.name);
}
