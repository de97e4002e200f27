import { type Document, ObjectId, serialize } from 'bson';
import { Query } from 'mingo';
import { resolve } from 'mingo/util';
import { CommandError } from './command-error.ts';

/** An index as `createIndexes` describes it. */
export interface IndexDescription extends Document {
  readonly name: string;
  readonly key: Document;
  readonly unique?: boolean;
  readonly sparse?: boolean;
  readonly partialFilterExpression?: Document;
}

interface Entry {
  readonly values: readonly unknown[];
  readonly key: string;
}

/** An index of a collection; only a unique one does anything, which is to refuse duplicates. */
export class CollectionIndex {
  readonly description: IndexDescription;
  readonly #namespace: string;
  readonly #filter: Query | undefined;
  readonly #owners = new Map<string, string>();

  constructor(namespace: string, description: IndexDescription) {
    const { partialFilterExpression: filter } = description;
    this.description = description;
    this.#namespace = namespace;
    this.#filter = filter === undefined ? undefined : new Query(filter, { scriptEnabled: false });
  }

  /** @throws CommandError with MongoDB's code 11000 when another document has this one's key */
  refuseDuplicate(document: Document, owner: string): void {
    for (const { key, values } of this.#entriesOf(document)) {
      if ((this.#owners.get(key) ?? owner) !== owner) {
        throw duplicateKey(this.#namespace, this.description, values);
      }
    }
  }

  add(document: Document, owner: string): void {
    for (const { key } of this.#entriesOf(document)) this.#owners.set(key, owner);
  }

  remove(document: Document): void {
    for (const { key } of this.#entriesOf(document)) this.#owners.delete(key);
  }

  #entriesOf(document: Document): Entry[] {
    const { unique, sparse, key } = this.description;
    if (unique !== true || this.#filter?.test(document) === false) return [];
    const perField = Object.keys(key).map((field) => valuesAt(document, field));
    if (sparse === true && perField.every(([value]) => value === undefined)) return [];
    return combinations(perField).map((values) => ({ values, key: keyOf(values) }));
  }
}

/** One string per value: equal for values that are equal in MongoDB, a missing one being null. */
export function keyOf(value: unknown): string {
  return Buffer.from(serialize({ value: value ?? null })).toString('latin1');
}

/** The error that MongoDB gives for a second document with the same key. */
export function duplicateKey(
  namespace: string,
  { name, key }: IndexDescription,
  values: readonly unknown[],
): CommandError {
  const fields = Object.keys(key);
  const shown = fields.map((field, at) => `${field}: ${inShell(values[at])}`).join(', ');
  const keyValue = Object.fromEntries(fields.map((field, at) => [field, values[at] ?? null]));
  const message = `E11000 duplicate key error collection: ${namespace} index: ${name} dup key: { ${shown} }`;
  return new CommandError('DuplicateKey', message, { keyPattern: key, keyValue });
}

function valuesAt(document: Document, field: string): unknown[] {
  const value: unknown = resolve(document, field);
  return Array.isArray(value) && value.length > 0 ? value : [value];
}

function combinations(perField: readonly unknown[][]): unknown[][] {
  return perField.reduce<unknown[][]>((rows, values) => rows.flatMap((row) => values.map((v) => [...row, v])), [[]]);
}

function inShell(value: unknown): string {
  return value instanceof ObjectId ? `ObjectId('${value.toHexString()}')` : JSON.stringify(value ?? null);
}
