import type { Document } from 'bson';
import type { Collection, Selection } from './collection.ts';
import type { Cursors } from './cursors.ts';
import type { Namespace, Store } from './store.ts';

/** A command of a client, and what it works on. */
export interface CommandCall {
  readonly store: Store;
  readonly cursors: Cursors;
  readonly database: string;
  readonly command: Document;
}

/** What answers one kind of command, without the `ok`. @throws CommandError */
export type Handler = (call: CommandCall) => Document;

/** The collection that the command's first field names. */
export function namespaceOf({ database, command }: CommandCall): Namespace {
  return { database, collection: String(Object.values(command)[0]) };
}

/** That collection, unless nothing has created it yet. */
export function collectionOf(call: CommandCall): Collection | undefined {
  return call.store.find(namespaceOf(call));
}

/** The documents in it that match; none when nothing has created it yet. */
export function select(call: CommandCall, selection: Selection): Document[] {
  return collectionOf(call)?.select(selection) ?? [];
}

/** The name of that collection together with its database's. */
export function fullNameOf(call: CommandCall): string {
  const { database, collection } = namespaceOf(call);
  return `${database}.${collection}`;
}
