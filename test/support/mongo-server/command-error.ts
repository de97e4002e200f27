import type { Document } from 'bson';

const CODES = {
  InternalError: 1,
  BadValue: 2,
  FailedToParse: 9,
  TypeMismatch: 14,
  IllegalOperation: 20,
  NamespaceNotFound: 26,
  IndexNotFound: 27,
  PathNotViable: 28,
  ConflictingUpdateOperators: 40,
  CursorNotFound: 43,
  NamespaceExists: 48,
  CommandNotFound: 59,
  ImmutableField: 66,
  IndexOptionsConflict: 85,
  IndexKeySpecsConflict: 86,
  CommandNotSupported: 115,
  DuplicateKey: 11_000,
} as const;

/** An error that the client gets in MongoDB's form, with MongoDB's code. */
export class CommandError extends Error {
  readonly codeName: keyof typeof CODES;
  readonly details: Document;

  constructor(codeName: keyof typeof CODES, message: string, details: Document = {}) {
    super(message);
    this.codeName = codeName;
    this.details = details;
  }

  /** What an entry of `writeErrors` says. */
  toWriteError(index: number): Document {
    return { index, code: CODES[this.codeName], errmsg: this.message, ...this.details };
  }

  /** What a command answers that fails as a whole. */
  toAnswer(): Document {
    const { codeName, message, details } = this;
    return { ok: 0, errmsg: message, code: CODES[codeName], codeName, ...details };
  }
}

/** Whatever was thrown, as an error that can be answered. */
export function asCommandError(thrown: unknown): CommandError {
  if (thrown instanceof CommandError) return thrown;
  // mingo throws these for queries and updates that it cannot read.
  if (thrown instanceof Error && thrown.constructor.name === 'MingoError') {
    return new CommandError('BadValue', thrown.message);
  }
  return new CommandError('InternalError', thrown instanceof Error ? String(thrown.stack) : String(thrown));
}

/** The error for an option or stage that exists in MongoDB and that this server does not know. */
export function notSupported(what: string): CommandError {
  return new CommandError('CommandNotSupported', `The tests' own server does not support ${what}.`);
}
