import { type RawBuilder, sql } from 'kysely';
import { isId } from './ids.js';
import { cursorWith, type ForwardRequest, pageSizeOf, readCursor } from './paging.js';

/** The place of a row in a list that goes by time, and by id where the times are the same. */
export interface TimePlace {
  /** Microseconds since 1970: the database's times are finer than a Date. */
  readonly at: string;
  readonly id: string;
}

/** A page of such a list, newest first. */
export interface TimePage {
  readonly after: TimePlace | undefined;
  readonly limit: number;
}

// Nothing longer is a time that the database knows.
const PLACE = /^t:(\d{1,16}):(.{36})$/;

/** An opaque cursor for the row at this place. */
export function timeCursorOf({ at, id }: TimePlace): string {
  return cursorWith(`t:${at}:${id}`);
}

/** @throws BadUserInputError for a size outside 1–100 or a cursor that is none. */
export function parseTimePage({ first, after }: ForwardRequest, defaultSize: number): TimePage {
  return { after: readCursor(after, placeIn), limit: pageSizeOf(first) ?? defaultSize };
}

function placeIn(text: string): TimePlace | undefined {
  const [, at, id] = PLACE.exec(text) ?? [];
  return at !== undefined && isId(id) ? { at, id } : undefined;
}

/** The column `at` of a place. */
export function placeColumn(table: string): RawBuilder<string> {
  return sql<string>`(extract(epoch from ${createdAt(table)}) * 1000000)::bigint::text as at`;
}

/** In words of SQL: the rows that come after the place; all of them where there is none. An index on both makes it a range. */
export function comesAfter(table: string, place: TimePlace | undefined): RawBuilder<boolean> {
  if (place === undefined) return sql`true`;
  const at = sql`timestamptz 'epoch' + ${place.at}::bigint * interval '1 microsecond'`;
  return sql`(${createdAt(table)}, ${id(table)}) < (${at}, ${place.id}::uuid)`;
}

/** Newest first. */
export function newestFirst(table: string): RawBuilder<unknown> {
  return sql`order by ${createdAt(table)} desc, ${id(table)} desc`;
}

function createdAt(table: string): RawBuilder<Date> {
  return sql<Date>`${sql.table(table)}.created_at`;
}

function id(table: string): RawBuilder<string> {
  return sql<string>`${sql.table(table)}.id`;
}
