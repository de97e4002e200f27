import { calculateObjectSize, type Document, Long } from 'bson';
import { CommandError } from './command-error.ts';

interface Batch {
  readonly batchSize?: number | undefined;
  readonly isOnly?: boolean;
}

interface Cut {
  readonly batch: readonly Document[];
  readonly rest: readonly Document[];
}

const FIRST_BATCH = 101;
const NEXT_BATCH = 1_000;
const MAX_BATCH_BYTES = 16 * 1024 * 1024;

/** The results that clients have not fetched to the end yet. */
export class Cursors {
  readonly #open = new Map<number, { readonly namespace: string; readonly documents: readonly Document[] }>();
  #lastId = 0;

  /** The answer with the first batch; the rest stays for `more`, unless this is to be the only one. */
  first(
    namespace: string,
    documents: readonly Document[],
    { batchSize = FIRST_BATCH, isOnly = false }: Batch,
  ): Document {
    const { batch, rest } = cut(documents, batchSize);
    const id = rest.length > 0 && !isOnly ? (this.#lastId += 1) : 0;
    if (id !== 0) this.#open.set(id, { namespace, documents: rest });
    return { cursor: { id: Long.fromNumber(id), ns: namespace, firstBatch: batch } };
  }

  /** The answer with the next batch. @throws CommandError when there is no such cursor */
  more(id: number, batchSize = 0): Document {
    const cursor = this.#open.get(id);
    if (cursor === undefined) throw new CommandError('CursorNotFound', `cursor id ${id} not found`);
    const { namespace, documents } = cursor;
    const { batch, rest } = cut(documents, batchSize === 0 ? NEXT_BATCH : batchSize);
    if (rest.length > 0) this.#open.set(id, { namespace, documents: rest });
    else this.#open.delete(id);
    return { cursor: { id: Long.fromNumber(rest.length > 0 ? id : 0), ns: namespace, nextBatch: batch } };
  }

  /** Forgets a cursor; whether there was one. */
  kill(id: number): boolean {
    return this.#open.delete(id);
  }
}

function cut(documents: readonly Document[], count: number): Cut {
  let bytes = 0;
  const tooMuch = documents.slice(0, count).findIndex((document, at) => {
    bytes += calculateObjectSize(document);
    return at > 0 && bytes > MAX_BATCH_BYTES;
  });
  const end = tooMuch === -1 ? count : tooMuch;
  return { batch: documents.slice(0, end), rest: documents.slice(end) };
}
