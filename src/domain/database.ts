import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Tables } from '../entities/tables.js';

/** The database, or one transaction of it: whoever is given one of the two need not know which. */
export type Database = Kysely<Tables>;

/** A time by the database's clock, which every rule compares with, through one SQL function. */
export function secondsFromNow(seconds: number): RawBuilder<Date> {
  return sql<Date>`sparekey_now() + make_interval(secs => ${seconds})`;
}
