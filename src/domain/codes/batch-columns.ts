import { type RawBuilder, sql } from 'kysely';
import type { BatchRow } from './batch.js';

/** The columns that make a `BatchRow` of the table or common table expression with this name. */
export function batchColumns(from: string): RawBuilder<BatchRow> {
  const t = sql.table(from);
  return sql`${t}.id, ${t}.account_id, ${t}.number, ${t}.status, ${t}.created_at, ${t}.updated_at, ${t}.expires_at,
    ${t}.issued_count, ${t}.used_count, ${t}.invalidated_count, ${t}.removed_count, ${t}.lapsed_count, ${t}.viewed_at,
    ${t}.exported_at, ${t}.emailed_at, ${t}.deleted_at, ${t}.deleted_by, ${t}.purged_at,
    ${t}.expires_at <= sparekey_now() as is_expired`;
}

/** How many of a batch's codes are left, whatever its expiry. */
export function codesLeft(from: string): RawBuilder<number> {
  const t = sql.table(from);
  return sql`(${t}.issued_count - ${t}.used_count - ${t}.invalidated_count - ${t}.removed_count - ${t}.lapsed_count)`;
}
