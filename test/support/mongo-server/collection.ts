import { type Document, ObjectId } from 'bson';
import { Query } from 'mingo';
import { CommandError } from './command-error.ts';
import { CollectionIndex, duplicateKey, type IndexDescription, keyOf } from './collection-index.ts';

/** Which documents, in which order, and which part of them; a limit of 0 is none. */
export interface Selection {
  readonly filter?: Document | undefined;
  readonly sort?: Document | undefined;
  readonly skip?: number | undefined;
  readonly limit?: number | undefined;
}

const ID_INDEX: IndexDescription = { v: 2, key: { _id: 1 }, name: '_id_' };

/**
 * The documents of a collection, in the order in which they came, and its indexes.
 *
 * A document in here is never changed, only replaced: whoever got it may keep it.
 */
export class Collection {
  readonly namespace: string;
  readonly #documents = new Map<string, Document>();
  readonly #indexes = new Map<string, CollectionIndex>();

  constructor(namespace: string) {
    this.namespace = namespace;
  }

  get size(): number {
    return this.#documents.size;
  }

  /** @throws CommandError when there is a document of this `_id` */
  refuseSecond(id: unknown): void {
    if (this.#documents.has(keyOf(id))) throw duplicateKey(this.namespace, ID_INDEX, [id]);
  }

  /** Adds a document, or replaces the one of the same `_id`. @throws CommandError when a unique index forbids it */
  put(document: Document): void {
    const owner = keyOf(document['_id']);
    for (const index of this.#indexes.values()) index.refuseDuplicate(document, owner);
    this.remove(document['_id'], { isReplaced: true });
    for (const index of this.#indexes.values()) index.add(document, owner);
    this.#documents.set(owner, document);
  }

  remove(id: unknown, { isReplaced = false } = {}): void {
    const owner = keyOf(id);
    const document = this.#documents.get(owner);
    if (document === undefined) return;
    for (const index of this.#indexes.values()) index.remove(document);
    // Keeping the entry keeps the document's place among the others.
    if (!isReplaced) this.#documents.delete(owner);
  }

  /** The documents that match, themselves. */
  select({ filter = {}, sort, skip = 0, limit = 0 }: Selection): Document[] {
    const query = new Query(filter, { scriptEnabled: false });
    const cursor = query.find<Document>(this.#candidates(filter));
    if (sort !== undefined && Object.keys(sort).length > 0) cursor.sort(sort);
    cursor.skip(skip);
    if (limit !== 0) cursor.limit(Math.abs(limit));
    return cursor.all();
  }

  #candidates(filter: Document): Document[] {
    const id: unknown = filter['_id'];
    if (!(id instanceof ObjectId) && typeof id !== 'string') return [...this.#documents.values()];
    const document = this.#documents.get(keyOf(id));
    return document === undefined ? [] : [document];
  }

  get indexes(): IndexDescription[] {
    return [ID_INDEX, ...[...this.#indexes.values()].map(({ description }) => description)];
  }

  /** @throws CommandError when documents that are there already forbid it */
  addIndex(description: IndexDescription): void {
    const index = new CollectionIndex(this.namespace, description);
    for (const [owner, document] of this.#documents) {
      index.refuseDuplicate(document, owner);
      index.add(document, owner);
    }
    this.#indexes.set(description.name, index);
  }

  dropIndex(name: string): void {
    if (!this.#indexes.delete(name)) throw new CommandError('IndexNotFound', `index not found with name [${name}]`);
  }
}
