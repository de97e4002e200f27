import { deserialize, type Document, serialize } from 'bson';
import { appendFileSync, ftruncateSync, openSync, readFileSync } from 'node:fs';

const LENGTH_BYTES = 4;

/** A file of changes: what was appended is read again after the process was killed. */
export class ChangeLog {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'a+');
  }

  /** Everything appended so far; an entry that was cut short at the end is removed. */
  read(): Document[] {
    const bytes = readFileSync(this.#file);
    const changes: Document[] = [];
    let at = 0;
    for (let end = endOfEntry(bytes, at); end <= bytes.length; end = endOfEntry(bytes, at)) {
      changes.push(...documentsOf(bytes.subarray(at + LENGTH_BYTES, end)));
      at = end;
    }
    if (at < bytes.length) ftruncateSync(this.#file, at);
    return changes;
  }

  /**
   * Appends the changes of one command, all or none of which will be read again.
   *
   * The kernel has them when this returns, so killing the process loses nothing. They are not forced onto the disk: a
   * machine that loses its power takes the tests with it.
   */
  append(changes: readonly Document[]): void {
    const documents = changes.map((change) => serialize(change));
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32LE(documents.reduce((sum, { byteLength }) => sum + byteLength, 0));
    appendFileSync(this.#file, Buffer.concat([length, ...documents]));
  }
}

function endOfEntry(bytes: Buffer, at: number): number {
  return at + LENGTH_BYTES > bytes.length ? Infinity : at + LENGTH_BYTES + bytes.readUInt32LE(at);
}

function documentsOf(entry: Buffer): Document[] {
  const documents: Document[] = [];
  for (let at = 0; at < entry.length;) {
    const end = at + entry.readInt32LE(at);
    documents.push(deserialize(entry.subarray(at, end)));
    at = end;
  }
  return documents;
}
