import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import PostalMime from 'postal-mime';
import type { TestDatabase } from './database.js';

/** A text in which no secret may be. */
export interface Place {
  readonly name: string;
  readonly text: string;
}

interface Secret {
  readonly label: string;
  readonly needles: readonly string[];
  readonly mayBeIn: (place: Place) => boolean;
}

const SHORTEST_NEEDLE = 8;

/** Remembers secrets, and finds them again in whole, in halves and in the usual encodings. */
export class SecretScan {
  readonly #secrets: Secret[] = [];

  /** @param mayBeIn the places that exist to hold it. */
  add(label: string, secret: string, mayBeIn: Secret['mayBeIn'] = () => false): void {
    this.#secrets.push({ label, needles: needlesOf(secret), mayBeIn });
  }

  get size(): number {
    return this.#secrets.length;
  }

  /** `label in place` for each secret that is where it may not be. */
  finds(places: readonly Place[]): string[] {
    return places.flatMap((place) => {
      const text = place.text.toLowerCase();
      const found = this.#secrets.filter(({ needles, mayBeIn }) => {
        return needles.some((needle) => text.includes(needle)) && !mayBeIn(place);
      });
      return found.map(({ label }) => `${label} in ${place.name}`);
    });
  }
}

/** In lower case: as it is, without dashes, each half of that, and all of it encoded. */
function needlesOf(secret: string): string[] {
  const bare = secret.replaceAll('-', '');
  const middle = Math.ceil(bare.length / 2);
  const encoded = [secret, bare].flatMap((each) => {
    const bytes = Buffer.from(each);
    // The last characters of base64 depend on what follows.
    const whole = Math.floor(bytes.length / 3) * 3;
    return [bytes.toString('hex'), bytes.subarray(0, whole).toString('base64'), encodeURIComponent(each)];
  });
  const needles = [
    secret,
    bare,
    bare.slice(0, middle),
    bare.slice(middle),
    ...encoded,
    [...bare].toReversed().join(''),
  ];
  return needles.filter((needle) => needle.length >= SHORTEST_NEEDLE).map((needle) => needle.toLowerCase());
}

/** Every value of every column of every table that is not the system's own, as one place a column. */
export async function databasePlaces({ rows }: TestDatabase): Promise<Place[]> {
  const columns = await rows<{ schema: string; table: string; column: string; type: string }>(
    `select table_schema as schema, table_name as table, column_name as column, data_type as type
     from information_schema.columns join information_schema.tables using (table_schema, table_name)
     where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
  );
  return await Promise.all(
    columns.map(async ({ schema, table, column, type }) => {
      const found = await rows<{ value: string | Buffer | null }>(
        `select ${type === 'bytea' ? `"${column}"` : `"${column}"::text`} as value from "${schema}"."${table}"`,
      );
      return { name: `${table}.${column}`, text: found.map(({ value }) => textOf(value)).join('\n') };
    }),
  );
}

/** Bytes both as characters and as the digits of them. */
function textOf(value: string | Buffer | null): string {
  return Buffer.isBuffer(value) ? `${value.toString('latin1')}\n${value.toString('hex')}` : (value ?? '');
}

/** Every file below a folder, mails decoded too. */
export async function filePlaces(dir: string): Promise<Place[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const places = await Promise.all(
    files.map(async (file) => {
      const bytes = await readFile(file);
      const { subject, text, html } = file.endsWith('.eml') ? await PostalMime.parse(bytes) : {};
      const decoded = [bytes.toString('latin1'), subject, text, html].filter((part) => part !== undefined);
      return { name: relative(dir, file), text: [relative(dir, file), ...decoded].join('\n') };
    }),
  );
  return places;
}

/** What is written to the console and to the process's own streams while something runs. */
export async function outputOf(run: () => Promise<void>): Promise<string> {
  const written: string[] = [];
  const streams = [process.stdout, process.stderr] as const;
  const consoleMethods = ['log', 'info', 'warn', 'error', 'debug'] as const;
  const [writes, methods] = [streams.map(({ write }) => write), consoleMethods.map((name) => console[name])];
  for (const stream of streams) stream.write = (chunk: unknown) => written.push(String(chunk)) > 0;
  for (const name of consoleMethods) console[name] = (...args) => void written.push(args.map(String).join(' '));
  try {
    await run();
  } finally {
    streams.forEach((stream, index) => (stream.write = writes[index] as never));
    consoleMethods.forEach((name, index) => (console[name] = methods[index] as never));
  }
  return written.join('\n');
}
