import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../database.js';

/** Up to here rows are counted; beyond it the planner's guess is near enough, and much faster. */
const COUNTED_UP_TO = 10_000;

interface Plan {
  readonly Plan: { readonly 'Plan Rows': number };
}

/** About how many rows a query would give. Where it is in an index's order, only a part of that index is read. */
export async function estimatedRows(db: Database, query: RawBuilder<unknown>): Promise<number> {
  const counted = await sql<{ count: number }>`
    select count(*)::int as count from (${query} limit ${COUNTED_UP_TO + 1}) eligible
  `.execute(db);
  const count = counted.rows[0]?.count ?? 0;
  if (count <= COUNTED_UP_TO) return count;
  const explained = await sql<{ 'QUERY PLAN': readonly Plan[] }>`explain (format json) ${query}`.execute(db);
  const rows = Object.values(explained.rows[0] ?? {})[0]?.[0]?.Plan['Plan Rows'] ?? count;
  return Math.max(Math.round(rows), count);
}
