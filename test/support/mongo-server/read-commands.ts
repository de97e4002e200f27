import { deserialize, type Document, serialize } from 'bson';
import { aggregate, ProcessingMode, Query } from 'mingo';
import { resolve } from 'mingo/util';
import { keyOf } from './collection-index.ts';
import { type CommandCall, fullNameOf, type Handler, namespaceOf, select } from './command-call.ts';
import { CommandError, notSupported } from './command-error.ts';

const WRITING_STAGES = ['$out', '$merge'];

/** The commands that only read. */
export const READ_COMMANDS: Readonly<Record<string, Handler>> = {
  find(call) {
    const { filter, sort, skip, limit, projection, batchSize, singleBatch } = call.command;
    const documents = select(call, { filter, sort, skip, limit });
    const isOnly = singleBatch === true || limit < 0;
    return call.cursors.first(fullNameOf(call), project(documents, projection, filter), { batchSize, isOnly });
  },
  getMore: ({ command, cursors }) => cursors.more(Number(command['getMore']), command['batchSize']),
  killCursors({ command, cursors }) {
    const ids = command['cursors'] as number[];
    const cursorsKilled = ids.filter((id) => cursors.kill(Number(id)));
    const cursorsNotFound = ids.filter((id) => !cursorsKilled.includes(id));
    return { cursorsKilled, cursorsNotFound, cursorsAlive: [], cursorsUnknown: [] };
  },
  count(call) {
    const { query, skip, limit } = call.command;
    return { n: select(call, { filter: query, skip, limit }).length };
  },
  distinct(call) {
    const documents = select(call, { filter: call.command['query'] });
    const values = documents.flatMap((document): unknown => resolve(document, String(call.command['key'])));
    const unique = new Map(values.filter((value) => value !== undefined).map((value) => [keyOf(value), value]));
    return { values: [...unique.values()] };
  },
  aggregate(call) {
    const { pipeline, cursor } = call.command;
    return call.cursors.first(fullNameOf(call), resultsOf(call, pipeline), { batchSize: cursor?.batchSize });
  },
};

/** The documents with only the fields that a projection wants; without one, themselves. */
export function project(documents: Document[], projection: Document | undefined, filter: Document = {}): Document[] {
  if (projection === undefined || Object.keys(projection).length === 0) return documents;
  // mingo leaves fields out by deleting them.
  const copies = documents.map((document) => deserialize(serialize(document)));
  return new Query(filter, { scriptEnabled: false }).find<Document>(copies, projection).all();
}

function resultsOf(call: CommandCall, pipeline: Document[]): Document[] {
  const { database, collection } = namespaceOf(call);
  const stages = pipeline.map((stage) => Object.keys(stage)[0] as string);
  const writing = stages.find((stage) => WRITING_STAGES.includes(stage));
  if (writing !== undefined || collection === '1') throw notSupported(`an aggregation ${writing ?? 'of a database'}`);
  if (stages.includes('$changeStream')) {
    const message = 'The $changeStream stage is only supported on replica sets';
    throw new CommandError('IllegalOperation', message);
  }
  return aggregate(select(call, {}), pipeline, {
    scriptEnabled: false,
    processingMode: ProcessingMode.CLONE_INPUT,
    collectionResolver: (name) => call.store.find({ database, collection: name })?.select({}) ?? [],
  });
}
