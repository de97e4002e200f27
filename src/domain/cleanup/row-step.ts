import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../database.js';
import { estimatedRows } from './estimate.js';
import type { Chunk, Counts, Position, Removed, Step } from './task.js';

/** Which rows of one table go, in words of SQL about `t`. */
export interface Rows {
  readonly table: string;
  /** The time that has to lie before the cutoff; an index on (it, id) makes finding a chunk a range scan. */
  readonly endedAt: RawBuilder<Date>;
  readonly id?: RawBuilder<string>;
  /** What else has to be so. */
  readonly where?: RawBuilder<boolean>;
  /** The same where nothing is removed, so that what an earlier step would have removed is there still. */
  readonly wherePreviewed?: (cutoff: string) => RawBuilder<boolean>;
  /** What they are counted as; `rows` without it. */
  readonly kind?: RawBuilder<string>;
  /** Called with the ids of removed rows, within their transaction. */
  readonly removed?: (tx: Database, ids: readonly string[]) => Promise<void>;
}

type Whole = Rows & Required<Pick<Rows, 'id' | 'where' | 'kind'>>;

interface Gone {
  readonly counts: Counts | null;
  readonly removed: number;
  readonly next: Position | null;
  readonly ids: readonly string[] | null;
}

/** Removes rows of one table by one statement a chunk, oldest first; rows that others hold locked are left for later. */
export function rowStep(rows: Rows): Step {
  const whole: Whole = { id: sql`t.id`, where: sql`true`, kind: sql`'rows'`, ...rows };
  const { endedAt, id, kind, where, wherePreviewed } = whole;
  const previewed = (cutoff: string) => eligible({ ...whole, where: wherePreviewed?.(cutoff) ?? where }, cutoff);
  return {
    purge: (tx, chunk) => purgeRows(tx, whole, chunk),
    preview: async (db, range) => {
      const found = await sql<{ kind: string; count: number }>`
        select kind, count(*)::int as count from (
          select ${kind} as kind ${previewed(range.cutoff)} order by ${endedAt}, ${id} limit ${range.limit}
        ) found group by kind
      `.execute(db);
      return Object.fromEntries(found.rows.map((row) => [row.kind, row.count]));
    },
    estimate: (db, cutoff) => estimatedRows(db, sql`select 1 ${previewed(cutoff)} order by ${endedAt}, ${id}`),
  };
}

/** From where, and which. */
function eligible({ table, endedAt, where }: Whole, cutoff: string): RawBuilder<unknown> {
  return sql`from ${sql.table(table)} t where ${endedAt} < ${cutoff}::timestamptz and ${where}`;
}

async function purgeRows(tx: Database, rows: Whole, chunk: Chunk): Promise<Removed> {
  const { table, endedAt, id, kind, removed } = rows;
  const { after, limit, cutoff } = chunk;
  const further = after === undefined ? sql`` : sql`and (${endedAt}, ${id}) > (${after.at}::timestamptz, ${after.id})`;
  const found = await sql<Gone>`
    with doomed as materialized (
      select ${id} as id, ${endedAt} as at, ${kind} as kind ${eligible(rows, cutoff)} ${further}
      order by ${endedAt}, ${id} limit ${limit} for update of t skip locked
    ), gone as (
      delete from ${sql.table(table)} t where ${id} = any(array(select doomed.id from doomed)) returning ${id} as id
    )
    select (select count(*)::int from gone) as removed,
      (select jsonb_object_agg(kind, n) from (select kind, count(*) as n from doomed group by kind) counted) as counts,
      (select jsonb_build_object('at', at::text, 'id', id::text) from doomed order by at desc, doomed.id desc limit 1) as next
      ${removed === undefined ? sql`` : sql`, (select array_agg(id::text) from gone) as ids`}
  `.execute(tx);
  const [gone] = found.rows as [Gone];
  if (removed !== undefined && gone.ids !== null) await removed(tx, gone.ids);
  const isLast = gone.removed < limit;
  return { counts: gone.counts ?? {}, removed: gone.removed, next: isLast ? undefined : (gone.next ?? undefined) };
}

/** The same for rows that the database guards as evidence: it lets them go only within a cleanup's transaction. */
export function guardedStep(step: Step): Step {
  return {
    ...step,
    async purge(tx: Database, chunk: Chunk): Promise<Removed> {
      await sql`select set_config('sparekey.cleanup', 'on', true)`.execute(tx);
      return await step.purge(tx, chunk);
    },
  };
}
