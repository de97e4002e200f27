import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Tables } from '../entities/tables.js';

/** The database, or one transaction of it: whoever is given one of the two need not know which. */
export type Database = Kysely<Tables>;

/** The time by which every rule compares: the database's clock, through one SQL function (which tests may shift). */
export const now: RawBuilder<Date> = sql<Date>`sparekey_now()`;

export function secondsFromNow(seconds: number): RawBuilder<Date> {
  return sql<Date>`sparekey_now() + make_interval(secs => ${seconds})`;
}
