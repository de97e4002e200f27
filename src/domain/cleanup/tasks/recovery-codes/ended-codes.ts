import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../../../database.js';
import { estimatedRows } from '../../estimate.js';
import type { Chunk, Counts, Position, Range, Removed, Step } from '../../task.js';
import { countedOnBatches, purgedEvents, reportLines } from './batch-effects.js';

/** Codes by when they ended, with what their going does to their batches. @param marksEmpty whether an empty batch becomes PURGED */
export function endedCodeStep(marksEmpty: boolean): Step {
  return {
    purge: (tx, chunk) => purgeCodes(tx, chunk, marksEmpty),
    preview: (db, range) => previewCodes(db, range, marksEmpty),
    estimate: (db, cutoff) => estimatedRows(db, sql`select 1 ${endedBefore(cutoff)} order by code.ended_at, code.id`),
  };
}

function endedBefore(cutoff: string): RawBuilder<unknown> {
  return sql`from recovery_codes code where code.ended_at < ${cutoff}::timestamptz`;
}

interface Purged {
  readonly codes: number;
  readonly batches: number;
  readonly found: number;
  readonly next: Position | null;
  readonly batchIds: readonly string[] | null;
}

/**
 * One statement. Lock order: batch, code; a batch that somebody holds is passed over with its codes. A batch that was
 * stored as ACTIVE still and has expired is stored as EXPIRED now, so that its counts add up without its rows. Arrays
 * instead of joins, so that no plan reads the whole table; codes by where they lie, which saves looking each up by its id.
 */
async function purgeCodes(tx: Database, chunk: Chunk, marksEmpty: boolean): Promise<Removed> {
  const { limit, reportId } = chunk;
  const { rows } = await sql<Purged>`
    with ${oldestCodes(chunk)}, held as materialized (
      select b.id, b.status = 'ACTIVE' and b.expires_at <= sparekey_now() as is_lapsing from recovery_code_batches b
      where b.id = any(array(select distinct batch_id from candidate))
      order by b.id for no key update skip locked
    ), gone as (
      delete from recovery_codes code
      where code.ctid = any(array(select place from candidate where batch_id in (select id from held)))
      returning code.id, code.batch_id
    ), per as materialized (
      select batch_id, count(*)::int as n from gone group by batch_id
    ), lapsing as materialized (
      select id from held where is_lapsing and id in (select batch_id from per)
    ), lapsed as (
      update recovery_codes code set status = 'EXPIRED'
      where code.batch_id = any(array(select id from lapsing)) and code.status = 'ACTIVE'
        and code.id not in (select id from gone)
    ), ${countedOnBatches(marksEmpty)}, ${reportLines(reportId)}, ${purgedEvents()}
    select (select count(*)::int from gone) as codes, (select count(*)::int from candidate) as found,
      (select count(*)::int from changed where status = 'PURGED') as batches,
      (select array_agg(id::text) from changed) as batch_ids,
      (select jsonb_build_object('at', ended_at::text, 'id', id::text)
       from (select * from candidate order by ended_at desc, id desc limit 1) last) as next
  `.execute(tx);
  const { codes, batches, found, next, batchIds } = rows[0] as Purged;
  return {
    counts: { codes, batches },
    removed: codes,
    next: found < limit ? undefined : (next ?? undefined),
    batchIds: batchIds ?? [],
  };
}

/**
 * `candidate`: the codes of a chunk. The inner limit is written out, so that the planner knows that few rows are meant and
 * need not plan every chunk anew; as a power of two, so that there are few such statements.
 */
function oldestCodes({ cutoff, limit, after }: Chunk): RawBuilder<unknown> {
  const further =
    after === undefined ? sql`` : sql`and (code.ended_at, code.id) > (${after.at}::timestamptz, ${after.id}::uuid)`;
  return sql`candidate as materialized (
    select * from (
      select code.ctid as place, code.id, code.batch_id, code.ended_at ${endedBefore(cutoff)} ${further}
      order by code.ended_at, code.id limit ${sql.lit(2 ** Math.ceil(Math.log2(limit)))}
    ) oldest order by ended_at, id limit ${limit}
  )`;
}

/** With the cap, the oldest codes go first: which batches would be left without rows depends on which. */
async function previewCodes(db: Database, { cutoff, limit }: Range, marksEmpty: boolean): Promise<Counts> {
  const { rows } = await sql<{ codes: number; batches: number }>`
    with per as (
      select batch_id, count(*)::int as n from (
        select code.batch_id ${endedBefore(cutoff)} order by code.ended_at, code.id limit ${limit}
      ) oldest group by batch_id
    )
    select coalesce(sum(per.n), 0)::int as codes,
      count(*) filter (where ${marksEmpty}::boolean and b.purged_count + per.n = b.issued_count)::int as batches
    from per join recovery_code_batches b on b.id = per.batch_id
  `.execute(db);
  return rows[0] as Counts;
}
