import { type Document, ObjectId } from 'bson';
import { keyOf } from './collection-index.ts';
import { type CommandCall, collectionOf, type Handler, namespaceOf, select } from './command-call.ts';
import { asCommandError, CommandError, notSupported } from './command-error.ts';
import { isReplacement, type Update, updated, upserted } from './document-update.ts';
import { project } from './read-commands.ts';

interface Statements {
  /** What the command answers; each statement adds to it. */
  readonly answer: Document;
  readonly write: (statement: Document, index: number) => void;
}

/** The commands that change documents. */
export const WRITE_COMMANDS: Readonly<Record<string, Handler>> = {
  insert(call) {
    const answer: Document = { n: 0 };
    const write = (document: Document) => {
      insertOne(call, '_id' in document ? document : { _id: new ObjectId(), ...document });
      answer['n'] += 1;
    };
    return eachOf(call, 'documents', { answer, write });
  },
  update(call) {
    const answer: Document = { n: 0, nModified: 0 };
    const write = (statement: Document, index: number) => {
      if (updateFoundBy(call, statement, answer) > 0 || statement['upsert'] !== true) return;
      const { _id: id } = insertOne(call, upserted(updateOf(statement)));
      answer['n'] += 1;
      answer['upserted'] = [...((answer['upserted'] as Document[] | undefined) ?? []), { index, _id: id }];
    };
    return eachOf(call, 'updates', { answer, write });
  },
  delete(call) {
    const answer: Document = { n: 0 };
    const write = ({ q: filter, limit }: Document) => {
      for (const { _id: id } of select(call, { filter, limit })) {
        call.store.write({ op: 'remove', ...namespaceOf(call), id });
        answer['n'] += 1;
      }
    };
    return eachOf(call, 'deletes', { answer, write });
  },
  findAndModify(call) {
    const { query: filter, sort, remove, update: change, upsert, arrayFilters } = call.command;
    const found = select(call, { filter, sort, limit: 1 })[0];
    if (remove === true) return removeFound(call, found);
    const update: Update = { filter: filter ?? {}, change, arrayFilters };
    if (found !== undefined) {
      const after = updateFound(call, found, update).document;
      return modified(call, call.command['new'] === true ? after : found, { n: 1, updatedExisting: true });
    }
    if (upsert !== true) return modified(call, undefined, { n: 0, updatedExisting: false });
    const inserted = insertOne(call, upserted(update));
    const value = call.command['new'] === true ? inserted : undefined;
    return modified(call, value, { n: 1, updatedExisting: false, upserted: inserted['_id'] });
  },
};

function eachOf({ command }: CommandCall, field: string, { answer, write }: Statements): Document {
  const writeErrors: Document[] = [];
  for (const [index, statement] of (command[field] as Document[]).entries()) {
    try {
      if (field !== 'documents' && statement['collation'] !== undefined) throw notSupported('a collation');
      write(statement, index);
    } catch (error) {
      writeErrors.push(asCommandError(error).toWriteError(index));
      if (command['ordered'] !== false) break;
    }
  }
  return writeErrors.length > 0 ? { ...answer, writeErrors } : answer;
}

function insertOne(call: CommandCall, document: Document): Document {
  collectionOf(call)?.refuseSecond(document['_id']);
  call.store.write({ op: 'put', ...namespaceOf(call), document });
  return document;
}

function updateFoundBy(call: CommandCall, statement: Document, answer: Document): number {
  const { q: filter, u: change, multi, sort } = statement;
  if (multi === true && isReplacement(change)) {
    throw new CommandError('FailedToParse', 'multi update is not supported for replacement-style update');
  }
  const found = select(call, { filter, sort, limit: multi === true ? 0 : 1 });
  for (const document of found) {
    const { isModified } = updateFound(call, document, updateOf(statement));
    answer['n'] += 1;
    answer['nModified'] += isModified ? 1 : 0;
  }
  return found.length;
}

function updateOf({ q: filter, u: change, arrayFilters }: Document): Update {
  return { filter, change, arrayFilters };
}

function updateFound(call: CommandCall, found: Document, update: Update): { document: Document; isModified: boolean } {
  const document = updated(found, update);
  const isModified = keyOf(document) !== keyOf(found);
  if (isModified) call.store.write({ op: 'put', ...namespaceOf(call), document });
  return { document, isModified };
}

function removeFound(call: CommandCall, found: Document | undefined): Document {
  if (found !== undefined) call.store.write({ op: 'remove', ...namespaceOf(call), id: found['_id'] });
  return modified(call, found, { n: found === undefined ? 0 : 1 });
}

function modified({ command }: CommandCall, document: Document | undefined, lastErrorObject: Document): Document {
  const [value = null] = document === undefined ? [] : project([document], command['fields']);
  return { lastErrorObject, value };
}
