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

/**
 * A connection on which every statement with parameters is a prepared one, so that the server plans the large
 * statements once a connection instead of at every attempt. The program's statements are few and fixed; values are
 * always parameters.
 */
export class PreparingClient extends pg.Client {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the driver's own overloads
  override query(...args: any[]): any {
    const [text, values, ...rest] = args;
    if (typeof text === 'string' && Array.isArray(values) && values.length > 0) {
      return super.query({ name: statementName(text), text, values }, ...(rest as []));
    }
    return super.query(...(args as [string]));
  }
}
