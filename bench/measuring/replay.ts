import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Statement } from './recorder.ts';

/** What a recorded statement is to say instead: ids by ids, byte strings by byte strings (as hex). */
export type Instead = Readonly<Record<string, string>>;

interface Queryable {
  query(statement: { name: string; text: string; values: unknown[] }): Promise<pg.QueryResult>;
}

const ID = /[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g;
const names = new Map<string, string>();

/**
 * Sends a recorded statement once more, prepared as the program prepares its own: what a floor does is exactly what the
 * program does, and stays so. Ids and single byte strings that are not replaced are drawn anew, so that nothing collides.
 */
export async function replay(db: Queryable, { text, values }: Statement, instead: Instead): Promise<pg.QueryResult> {
  const drawn = new Map(Object.entries(instead));
  return await db.query({ name: nameOf(text), text, values: values.map((value) => renewed(value, drawn)) });
}

/** Sends a recorded statement as it was. */
export async function repeat(db: Queryable, { text, values }: Statement): Promise<pg.QueryResult> {
  return await db.query({ name: nameOf(text), text, values: [...values] });
}

export function renewedValues({ values }: Statement, instead: Instead): unknown[] {
  const drawn = new Map(Object.entries(instead));
  return values.map((value) => renewed(value, drawn));
}

function renewed(value: unknown, drawn: Map<string, string>): unknown {
  if (typeof value === 'string') return value.replaceAll(ID, (id) => drawnOnce(drawn, id, randomUUID));
  if (Buffer.isBuffer(value)) {
    const fresh = () => randomBytes(value.length).toString('hex');
    return Buffer.from(drawnOnce(drawn, value.toString('hex'), fresh), 'hex');
  }
  return Array.isArray(value) && typeof value[0] === 'string' ? value.map((entry) => renewed(entry, drawn)) : value;
}

function drawnOnce(drawn: Map<string, string>, old: string, draw: () => string): string {
  const known = drawn.get(old);
  if (known !== undefined) return known;
  const fresh = draw();
  drawn.set(old, fresh);
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
