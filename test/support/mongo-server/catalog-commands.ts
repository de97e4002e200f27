import type { Document } from 'bson';
import { Query } from 'mingo';
import { type IndexDescription, keyOf } from './collection-index.ts';
import { type CommandCall, collectionOf, fullNameOf, type Handler, namespaceOf } from './command-call.ts';
import { CommandError } from './command-error.ts';

/** The commands about databases, collections and indexes. */
export const CATALOG_COMMANDS: Readonly<Record<string, Handler>> = {
  create(call) {
    if (collectionOf(call) !== undefined) {
      throw new CommandError('NamespaceExists', `Collection ${fullNameOf(call)} already exists.`);
    }
    call.store.write({ op: 'create', ...namespaceOf(call) });
    return {};
  },
  drop(call) {
    existing(call);
    call.store.write({ op: 'drop', ...namespaceOf(call) });
    return { ns: fullNameOf(call) };
  },
  dropDatabase({ store, database }) {
    for (const collection of store.collectionsOf(database)) store.write({ op: 'drop', database, collection });
    return { dropped: database };
  },
  listDatabases({ store, command }) {
    const databases = store.databases.map((name) => ({ name, sizeOnDisk: 0, empty: false }));
    return { databases: matching(databases, command['filter']), totalSize: 0 };
  },
  listCollections({ store, cursors, database, command }) {
    const collections = store.collectionsOf(database).map((name) => ({ name, type: 'collection', options: {} }));
    const { filter, cursor } = command;
    const documents = matching(collections, filter);
    return cursors.first(`${database}.$cmd.listCollections`, documents, { batchSize: cursor?.batchSize });
  },
  createIndexes(call) {
    const createdCollectionAutomatically = collectionOf(call) === undefined;
    if (createdCollectionAutomatically) call.store.write({ op: 'create', ...namespaceOf(call) });
    const numIndexesBefore = existing(call).length;
    for (const index of call.command['indexes'] as IndexDescription[]) {
      if (isNew(index, existing(call))) {
        call.store.write({ op: 'addIndex', ...namespaceOf(call), index: { v: 2, ...index } });
      }
    }
    return { numIndexesBefore, numIndexesAfter: existing(call).length, createdCollectionAutomatically };
  },
  listIndexes(call) {
    return call.cursors.first(fullNameOf(call), existing(call), { batchSize: call.command['cursor']?.batchSize });
  },
  dropIndexes(call) {
    const indexes = existing(call);
    const wanted: unknown = call.command['index'];
    const names = wanted === '*' ? indexes.map(({ name }) => name).filter((name) => name !== '_id_') : [wanted].flat();
    for (const name of names) call.store.write({ op: 'dropIndex', ...namespaceOf(call), name: String(name) });
    return { nIndexesWas: indexes.length };
  },
};

function existing(call: CommandCall): IndexDescription[] {
  const indexes = collectionOf(call)?.indexes;
  if (indexes === undefined) throw new CommandError('NamespaceNotFound', `ns does not exist: ${fullNameOf(call)}`);
  return indexes;
}

function matching(documents: Document[], filter: Document = {}): Document[] {
  return new Query(filter, { scriptEnabled: false }).find<Document>(documents).all();
}

function isNew(index: IndexDescription, indexes: readonly IndexDescription[]): boolean {
  const sameName = indexes.find(({ name }) => name === index.name);
  const sameKey = indexes.find(({ key }) => keyOf(key) === keyOf(index.key));
  if (sameName !== undefined && optionsOf(sameName) === optionsOf(index)) return false;
  if (sameName !== undefined) {
    const message = `An existing index has the same name as the requested index: ${index.name}`;
    throw new CommandError('IndexKeySpecsConflict', message);
  }
  if (sameKey !== undefined && filterOf(sameKey) === filterOf(index)) {
    throw new CommandError('IndexOptionsConflict', `Index already exists with a different name: ${sameKey.name}`);
  }
  return true;
}

function optionsOf({ key, unique = false, sparse = false, partialFilterExpression: filter }: IndexDescription): string {
  return keyOf({ key, unique, sparse, filter: filter ?? null });
}

function filterOf({ partialFilterExpression: filter }: IndexDescription): string {
  return keyOf(filter);
}
