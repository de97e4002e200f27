import type { Document } from 'bson';
import type { ChangeLog } from './change-log.ts';
import { Collection } from './collection.ts';
import type { IndexDescription } from './collection-index.ts';

/** The collection that a command names. */
export interface Namespace {
  readonly database: string;
  readonly collection: string;
}

/** One change of what is stored. */
export type Change = Namespace &
  (
    | { readonly op: 'create' | 'drop' }
    | { readonly op: 'put'; readonly document: Document }
    | { readonly op: 'remove'; readonly id: unknown }
    | { readonly op: 'addIndex'; readonly index: IndexDescription }
    | { readonly op: 'dropIndex'; readonly name: string }
  );

/** Every database of the server, as its log says. */
export class Store {
  readonly #log: ChangeLog;
  readonly #collections = new Map<string, Collection>();
  #uncommitted: Change[] = [];

  constructor(log: ChangeLog) {
    this.#log = log;
    for (const change of log.read()) this.#apply(change as Change);
  }

  /** The collection, unless nothing has created it yet. */
  find({ database, collection }: Namespace): Collection | undefined {
    return this.#collections.get(`${database}.${collection}`);
  }

  /** The names of the collections of a database. */
  collectionsOf(database: string): string[] {
    const start = `${database}.`;
    return [...this.#collections.keys()]
      .filter((name) => name.startsWith(start))
      .map((name) => name.slice(start.length));
  }

  get databases(): string[] {
    return [...new Set([...this.#collections.keys()].map((name) => name.slice(0, name.indexOf('.'))))];
  }

  /** Makes a change. It is durable from the next `commit` on. @throws CommandError when an index forbids it */
  write(change: Change): void {
    this.#apply(change);
    this.#uncommitted.push(change);
  }

  /** Makes every change so far durable. */
  commit(): void {
    if (this.#uncommitted.length > 0) this.#log.append(this.#uncommitted);
    this.#uncommitted = [];
  }

  #apply(change: Change): void {
    const collection = this.find(change) ?? this.#create(change);
    switch (change.op) {
      case 'create':
        return;
      case 'drop':
        return void this.#collections.delete(collection.namespace);
      case 'put':
        return collection.put(change.document);
      case 'remove':
        return collection.remove(change.id);
      case 'addIndex':
        return collection.addIndex(change.index);
      case 'dropIndex':
        return collection.dropIndex(change.name);
    }
  }

  #create({ database, collection }: Namespace): Collection {
    const created = new Collection(`${database}.${collection}`);
    this.#collections.set(created.namespace, created);
    return created;
  }
}
