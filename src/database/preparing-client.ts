import { createHash } from 'node:crypto';
import pg from 'pg';

const names = new Map<string, string>();

function statementName(text: string): string {
  let name = names.get(text);
  if (name === undefined) {
    name = createHash('sha256').update(text).digest('base64url').slice(0, 22);
    names.set(text, name);
  }
  return name;
}

const ANSWERED_WITHIN_MS = 15_000;
const TRANSACTION_CONTROL = /^(?:begin|commit|rollback)\b/i;

/**
 * A connection on which every statement with parameters is a prepared one, so that the server plans the large
 * statements once a connection instead of at every attempt. The program's statements are few and fixed; values are
 * always parameters.
 *
 * A network that fails silently would hold such a statement, and its connection, for as long as the system waits: a
 * quarter of an hour. So one that gets no answer in time fails, and its connection is given up. What has no parameters
 * may take its time: that is migrations.
 */
export class PreparingClient extends pg.Client {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the driver's own overloads
  override query(...args: any[]): any {
    const [text, values, ...rest] = args;
    if (typeof text === 'string' && Array.isArray(values) && values.length > 0) {
      return this.#inTime({ name: statementName(text), text, values, query_timeout: ANSWERED_WITHIN_MS }, rest);
    }
    if (typeof text === 'string' && TRANSACTION_CONTROL.test(text)) {
      return this.#inTime({ text, values, query_timeout: ANSWERED_WITHIN_MS }, rest);
    }
    return super.query(...(args as [string]));
  }

  #inTime(statement: object, rest: unknown[]): unknown {
    const answer: unknown = super.query(statement as never, ...(rest as []));
    if (answer instanceof Promise) answer.catch((error: Error) => this.#giveUpAfter(error));
    return answer;
  }

  #giveUpAfter({ message }: Error): void {
    if (message === 'Query read timeout') this.connection.stream.destroy();
  }
}
