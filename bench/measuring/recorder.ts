import argon2 from 'argon2';
import pg from 'pg';

/** One statement as it was sent. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

export interface Recording {
  readonly statements: readonly Statement[];
  readonly hashes: number;
}

interface Sent {
  readonly text: string;
  readonly values?: readonly unknown[];
}

type Send = (this: pg.Client, ...args: unknown[]) => unknown;

let recording: { statements: Statement[]; hashes: number } | undefined;
watchQueries();
watchHashes();

/** What this process sends to the database, and how often it hashes, while something runs. Nothing else may run then. */
export async function record(run: () => Promise<unknown>): Promise<Recording> {
  const current = { statements: [], hashes: 0 };
  recording = current;
  try {
    await run();
  } finally {
    recording = undefined;
  }
  return current;
}

function watchQueries(): void {
  const prototype = pg.Client.prototype as unknown as { query: Send };
  const send = prototype.query;
  prototype.query = function query(...args) {
    if (recording !== undefined) recording.statements.push(statementOf(args));
    return Reflect.apply(send, this, args);
  };
}

function watchHashes(): void {
  const { hash } = argon2;
  argon2.hash = ((...args: Parameters<typeof hash>) => {
    if (recording !== undefined) recording.hashes += 1;
    return hash(...args);
  }) as typeof hash;
}

function statementOf([first, second]: readonly unknown[]): Statement {
  if (typeof first === 'string') return { text: first, values: Array.isArray(second) ? second : [] };
  const { text, values = [] } = first as Sent;
  return { text, values };
}
