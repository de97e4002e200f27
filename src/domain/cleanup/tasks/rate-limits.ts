import { sql } from 'kysely';
import type { Database } from '../../database.js';
import { estimatedRows } from '../estimate.js';
import type { Chunk, CleanupTask, Removed, Step } from '../task.js';

/** Rows looked at for each that a chunk may remove. */
const LOOKED_AT = 10;

const idleFor = (cutoff: string) => sql<boolean>`greatest(t.updated_at, t.blocked_until) < ${cutoff}::timestamptz`;

/**
 * Removes what the limiter remembers of keys that were idle, and no longer blocked, for a day. In the order of the keys:
 * an index on the time would make every attempt write to it.
 */
export const rateLimits: CleanupTask<'RATE_LIMITS'> = {
  name: 'RATE_LIMITS',
  retention: { kind: 'fixed', days: 1 },
  kinds: ['rows'],
  steps: () => [idleRows],
};

const idleRows: Step = {
  purge: purgeIdle,
  preview: async (db, { cutoff, limit }) => {
    const { rows } = await sql<{ count: number }>`
      select count(*)::int as count from (select 1 from rate_limits t where ${idleFor(cutoff)} limit ${limit}) idle
    `.execute(db);
    return { rows: rows[0]?.count ?? 0 };
  },
  estimate: (db, cutoff) => estimatedRows(db, sql`select 1 from rate_limits t where ${idleFor(cutoff)}`),
};

interface Looked {
  readonly removed: number;
  readonly lookedAt: number;
  readonly doomed: number;
  readonly lastKey: string | null;
  readonly lastDoomed: string | null;
}

async function purgeIdle(tx: Database, { cutoff, limit, after }: Chunk): Promise<Removed> {
  const window = limit * LOOKED_AT;
  const { rows } = await sql<Looked>`
    with looked as materialized (
      select t.key, ${idleFor(cutoff)} as is_idle from rate_limits t
      where t.key > decode(${after?.id ?? ''}, 'hex') order by t.key limit ${window}
    ), doomed as materialized (
      select t.key from rate_limits t where t.key = any(array(select key from looked where is_idle order by key limit ${limit}))
        and ${idleFor(cutoff)} for update skip locked
    ), gone as (
      delete from rate_limits t where t.key = any(array(select key from doomed)) returning 1
    )
    select (select count(*)::int from gone) as removed, (select count(*)::int from looked) as looked_at,
      (select count(*)::int from looked where is_idle) as doomed,
      (select encode(key, 'hex') from looked order by key desc limit 1) as last_key,
      (select encode(key, 'hex') from looked where is_idle order by key offset ${limit} - 1 limit 1) as last_doomed
  `.execute(tx);
  const { removed, lookedAt, doomed, lastKey, lastDoomed } = rows[0] as Looked;
  // Where more were idle than may go, the next chunk begins behind the last that went.
  const last = doomed >= limit ? lastDoomed : lookedAt < window ? null : lastKey;
  return { counts: { rows: removed }, removed, next: last === null ? undefined : { at: '', id: last } };
}
