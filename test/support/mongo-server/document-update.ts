import { deserialize, type Document, ObjectId, serialize } from 'bson';
import { update as applyOperators, updateOne } from 'mingo';
import { keyOf } from './collection-index.ts';
import { CommandError } from './command-error.ts';
import { refuseImpossibleUpdate } from './update-refusals.ts';

/** What an update statement says: operators, a whole replacement, or a pipeline, and what it applies to. */
export interface Update {
  readonly filter: Document;
  readonly change: Document | Document[];
  readonly arrayFilters?: Document[] | undefined;
}

/** The document as the update leaves it; the one given stays as it is. @throws CommandError */
export function updated(document: Document, update: Update): Document {
  const after = changed(document, update, false);
  if (keyOf(after['_id']) === keyOf(document['_id'])) return after;
  const message = "Performing an update on the path '_id' would modify the immutable field '_id'";
  throw new CommandError('ImmutableField', message);
}

/** The document that an upsert inserts when nothing matches. @throws CommandError */
export function upserted(update: Update): Document {
  const { change, filter } = update;
  const seed = isReplacement(change) ? pick(seedOf(filter), ['_id']) : seedOf(filter);
  const { _id: id = new ObjectId(), ...fields } = changed(seed, update, true);
  return { _id: id, ...fields };
}

/** Whether the update puts a whole document in the place of the old one. */
export function isReplacement(change: Document | Document[]): change is Document {
  return !Array.isArray(change) && Object.keys(change).every((key) => !key.startsWith('$'));
}

function changed(document: Document, update: Update, isInsert: boolean): Document {
  const { change } = update;
  const copy = copyOf(document);
  if (Array.isArray(change)) return byPipeline(copy, change);
  if (isReplacement(change)) return { ...pick(copy, ['_id']), ...change };
  const operators = operatorsOf(change, isInsert);
  const id: unknown = operators['$set']?.['_id'];
  delete operators['$set']?.['_id'];
  refuseImpossibleUpdate(copy, operators);
  const condition = usesPosition(operators) ? update.filter : {};
  applyOperators(copy, operators, update.arrayFilters ?? [], condition, { cloneMode: 'deep' });
  return id === undefined ? copy : { ...copy, _id: id };
}

function byPipeline(copy: Document, pipeline: Document[]): Document {
  const documents = [copy];
  updateOne(documents, {}, pipeline as never, {}, { scriptEnabled: false });
  return documents[0] as Document;
}

function operatorsOf(change: Document, isInsert: boolean): Record<string, Document> {
  const stray = Object.keys(change).find((key) => !key.startsWith('$'));
  if (stray !== undefined) {
    throw new CommandError('FailedToParse', `Unknown modifier: ${stray}. Expected a valid update modifier.`);
  }
  // mingo has no $setOnInsert: for an insert it is one more $set, and otherwise nothing.
  const { $setOnInsert: onInsert, ...operators } = copyOf(change);
  refuseConflict(operators, onInsert);
  const set: Document = { ...(operators['$set'] as Document | undefined), ...(isInsert ? onInsert : {}) };
  return Object.keys(set).length > 0 ? { ...operators, $set: set } : operators;
}

function refuseConflict(operators: Readonly<Record<string, Document>>, onInsert: Document = {}): void {
  const both = Object.values(operators)
    .flatMap((fields) => Object.keys(fields))
    .find((path) => path in onInsert);
  if (both === undefined) return;
  const message = `Updating the path '${both}' would create a conflict at '${both}'`;
  throw new CommandError('ConflictingUpdateOperators', message);
}

function usesPosition(operators: Readonly<Record<string, Document>>): boolean {
  return Object.values(operators).some((fields) => Object.keys(fields).some((path) => /\.\$(\.|$)/.test(path)));
}

function seedOf(filter: Document): Document {
  const fields = Object.fromEntries(equalitiesOf(filter));
  const { _id: id, ...rest } = fields;
  const seed = id === undefined ? {} : { _id: id };
  if (Object.keys(rest).length > 0) applyOperators(seed, { $set: rest }, [], {}, { cloneMode: 'deep' });
  return seed;
}

function equalitiesOf(filter: Document): [string, unknown][] {
  return Object.entries(filter).flatMap(([field, condition]): [string, unknown][] => {
    if (field === '$and') return (condition as Document[]).flatMap(equalitiesOf);
    if (field.startsWith('$') || condition instanceof RegExp) return [];
    if (!hasOperators(condition)) return [[field, condition]];
    return '$eq' in condition ? [[field, condition['$eq']]] : [];
  });
}

function hasOperators(condition: unknown): condition is Document {
  if (condition === null || typeof condition !== 'object') return false;
  return Object.keys(condition).some((key) => key.startsWith('$'));
}

function pick(document: Document, fields: readonly string[]): Document {
  return Object.fromEntries(Object.entries(document).filter(([field]) => fields.includes(field)));
}

function copyOf(document: Document): Document {
  return deserialize(serialize(document));
}
