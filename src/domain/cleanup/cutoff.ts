import { sql } from 'kysely';
import type { Database } from '../database.js';
import type { RetentionRule } from './task.js';

/**
 * The moment strictly before which rows have to have ended, fixed for a whole run. A retention of 0 has no age filter:
 * whatever has ended by now goes, so its cutoff is the first moment after now.
 */
export async function cutoffOf(db: Database, rule: RetentionRule, retentionDays: number | null): Promise<string> {
  const days = rule.kind === 'days' ? (retentionDays ?? 0) : rule.kind === 'fixed' ? rule.days : 0;
  const isUnfiltered = rule.kind === 'days' && days === 0;
  const { rows } = await sql<{ cutoff: string }>`
    select to_char((sparekey_now() - make_interval(hours => 24 * ${days}::int)
      + make_interval(secs => ${isUnfiltered ? 0.000001 : 0})) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as cutoff
  `.execute(db);
  return rows[0]?.cutoff as string;
}
