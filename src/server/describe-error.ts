/** An error as the log may hold it. */
export interface ErrorDescription {
  readonly type: string;
  readonly message: string;
  readonly stack: string;
  /** SQLSTATE, or the code of Node or a library. */
  readonly errorCode?: string;
  readonly table?: string;
  readonly constraint?: string;
  readonly routine?: string;
  readonly cause?: ErrorDescription;
}

const MAX_DEPTH = 4;
const MAX_LENGTH = 2000;

/**
 * An error without what somebody may have typed. Quoted parts of messages are left out (JSON.parse quotes its input, and
 * graphql-js the refused value). Of the database's errors only the fixed fields are kept, since their texts, details and
 * the ORM's copy of the statement hold values.
 */
export function describeError(error: unknown, depth = MAX_DEPTH): ErrorDescription {
  if (!(error instanceof Error))
    return { type: typeof error, message: 'Something other than an error was thrown.', stack: '' };
  return {
    type: error.name,
    message: fromDatabase(error) ? 'The database refused a statement.' : withoutQuotes(error.message),
    stack: frames(error),
    ...textFields(error),
    ...(error.cause !== undefined && depth > 1 && { cause: describeError(error.cause, depth - 1) }),
  };
}

/** A text less everything in quotes or braces, and shortened. */
export function withoutQuotes(text: string): string {
  return text.slice(0, MAX_LENGTH).replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|\{.*\}/gs, '…');
}

function fromDatabase(error: Error): boolean {
  return (
    ('code' in error && typeof error.code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(error.code)) ||
    'severity' in error
  );
}

/** The stack without the message on top of it, which may go over several lines. */
function frames(error: Error): string {
  const lines = (error.stack ?? '').split('\n').map((line) => line.trim());
  return lines.filter((line) => /^at .*(?:\)|:\d+:\d+)$/.test(line)).join('\n');
}

function textFields(error: Error) {
  return {
    ...textField(error, 'code', 'errorCode'),
    ...textField(error, 'table', 'table'),
    ...textField(error, 'constraint', 'constraint'),
    ...textField(error, 'routine', 'routine'),
  };
}

function textField(error: Error, from: string, to: string): Record<string, string> {
  const value: unknown = (error as unknown as Record<string, unknown>)[from];
  return typeof value === 'string' ? { [to]: value } : {};
}
