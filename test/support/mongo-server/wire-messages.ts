// MongoDB's wire protocol: OP_MSG, and OP_QUERY with OP_REPLY for the driver's first hello.
import { deserialize, type Document, serialize } from 'bson';

/** One command of a client. */
export interface Request {
  readonly id: number;
  readonly isLegacy: boolean;
  readonly database: string;
  readonly command: Document;
  readonly wantsAnswer: boolean;
}

const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;
const HEADER_BYTES = 16;
const CHECKSUM_PRESENT = 1;
const MORE_TO_COME = 2;

/** The whole messages at the start of what came in, and what is left over. */
export function splitMessages(received: Buffer): { messages: Buffer[]; rest: Buffer } {
  const messages: Buffer[] = [];
  let rest = received;
  while (rest.length >= HEADER_BYTES && rest.length >= rest.readInt32LE(0)) {
    const length = rest.readInt32LE(0);
    if (length < HEADER_BYTES) throw new Error(`No message has ${length} bytes.`);
    messages.push(rest.subarray(0, length));
    rest = rest.subarray(length);
  }
  return { messages, rest };
}

/** Reads one whole message; an error for an operation that no driver sends any more. */
export function readRequest(message: Buffer): Request {
  const id = message.readInt32LE(4);
  const opCode = message.readInt32LE(12);
  if (opCode === OP_MSG) return { id, isLegacy: false, ...readBody(message) };
  if (opCode !== OP_QUERY) throw new Error(`Operation ${opCode} is unknown.`);
  const nameEnd = message.indexOf(0, HEADER_BYTES + 4);
  const database = databaseOf(message.toString('utf8', HEADER_BYTES + 4, nameEnd));
  return { id, isLegacy: true, database, command: documentAt(message, nameEnd + 1 + 8).document, wantsAnswer: true };
}

function readBody(message: Buffer): Pick<Request, 'command' | 'database' | 'wantsAnswer'> {
  const flags = message.readUInt32LE(HEADER_BYTES);
  const end = message.length - ((flags & CHECKSUM_PRESENT) === 0 ? 0 : 4);
  let command: Document = {};
  const sequences: Document = {};
  for (let at = HEADER_BYTES + 4; at < end;) {
    const kind = message.readUInt8(at);
    if (kind === 0) {
      const body = documentAt(message, at + 1);
      command = body.document;
      at = body.end;
    } else {
      const sequence = sequenceAt(message, at + 1);
      sequences[sequence.name] = sequence.documents;
      at = sequence.end;
    }
  }
  return {
    command: { ...command, ...sequences },
    database: String(command['$db']),
    wantsAnswer: (flags & MORE_TO_COME) === 0,
  };
}

function sequenceAt(message: Buffer, at: number): { name: string; documents: Document[]; end: number } {
  const end = at + message.readInt32LE(at);
  const nameEnd = message.indexOf(0, at + 4);
  const documents: Document[] = [];
  for (let next = nameEnd + 1; next < end;) {
    const one = documentAt(message, next);
    documents.push(one.document);
    next = one.end;
  }
  return { name: message.toString('utf8', at + 4, nameEnd), documents, end };
}

function documentAt(message: Buffer, at: number): { document: Document; end: number } {
  const end = at + message.readInt32LE(at);
  return { document: deserialize(message.subarray(at, end)), end };
}

function databaseOf(namespace: string): string {
  return namespace.slice(0, namespace.indexOf('.'));
}

/** The answer to a request, ready to be sent. */
export function writeAnswer(request: Request, answer: Document): Buffer {
  const body = Buffer.from(serialize(answer));
  const before = request.isLegacy ? replyFields() : Buffer.alloc(5);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeInt32LE(HEADER_BYTES + before.length + body.length, 0);
  header.writeInt32LE(request.id, 8);
  header.writeInt32LE(request.isLegacy ? OP_REPLY : OP_MSG, 12);
  return Buffer.concat([header, before, body]);
}

function replyFields(): Buffer {
  const fields = Buffer.alloc(20);
  fields.writeInt32LE(1, 16);
  return fields;
}
