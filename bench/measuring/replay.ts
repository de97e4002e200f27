import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Statement } from './recorder.ts';

/**
 * What recorded statements are to say instead: ids by ids, byte strings by byte strings (as hex). What is missing is
 * drawn and noted here, so that statements of one transaction still agree.
 */
export type Instead = Map<string, string>;

interface Queryable {
  query(statement: { name: string; text: string; values: unknown[] }): Promise<pg.QueryResult>;
}

const ID = /[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g;
const names = new Map<string, string>();

/**
 * Sends a recorded statement once more, prepared as the program prepares its own: what a floor does is exactly what the
 * program does, and stays so. Ids and single byte strings that are not replaced are drawn, so that nothing collides.
 */
export async function replay(db: Queryable, { text, values }: Statement, instead: Instead): Promise<pg.QueryResult> {
  return await db.query({ name: nameOf(text), text, values: values.map((value) => renewed(value, instead)) });
}

/** Sends a recorded statement as it was. */
export async function repeat(db: Queryable, { text, values }: Statement): Promise<pg.QueryResult> {
  return await db.query({ name: nameOf(text), text, values: [...values] });
}

export function renewed(value: unknown, instead: Instead): unknown {
  if (typeof value === 'string') return value.replaceAll(ID, (id) => drawnOnce(instead, id, randomUUID));
  if (Buffer.isBuffer(value)) {
    const fresh = () => randomBytes(value.length).toString('hex');
    return Buffer.from(drawnOnce(instead, value.toString('hex'), fresh), 'hex');
  }
  return Array.isArray(value) && typeof value[0] === 'string' ? value.map((entry) => renewed(entry, instead)) : value;
}

function drawnOnce(instead: Instead, old: string, draw: () => string): string {
  const known = instead.get(old);
  if (known !== undefined) return known;
  const fresh = draw();
  instead.set(old, fresh);
  return fresh;
}

function nameOf(text: string): string {
  let name = names.get(text);
  if (name === undefined) {
    name = createHash('sha256').update(text).digest('base64url').slice(0, 22);
    names.set(text, name);
  }
  return name;
}
