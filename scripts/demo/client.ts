import { DemoError, expect } from './demo-error.ts';

/** What the server says where it refuses. */
export interface Refusal {
  readonly message: string;
  readonly extensions: { readonly code: string; readonly retryAt?: string; readonly retryAfterSeconds?: number };
}

export interface Request {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly token?: string;
}

interface Answer {
  readonly data?: Record<string, any> | null;
  readonly errors?: readonly Refusal[];
}

/** A GraphQL client in a few lines: what an application needs is fetch. */
export class Client {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** The value of the operation's one field. @throws DemoError when it is refused. */
  async ask(request: Request): Promise<any> {
    const { data, errors } = await this.#send(request);
    const [refusal] = errors ?? [];
    expect(refusal === undefined, `${nameOf(request)} was refused: ${textOf(refusal)}`);
    return Object.values(data ?? {})[0];
  }

  /** The refusal that an operation has to meet. @throws DemoError when it meets none, or another one. */
  async askInVain(request: Request, code: string): Promise<Refusal> {
    const [refusal] = (await this.#send(request)).errors ?? [];
    expect(refusal !== undefined, `${nameOf(request)} was not refused, but ${code} was expected.`);
    const isExpected = refusal.extensions.code === code;
    expect(isExpected, `${nameOf(request)} was refused, but not with ${code}: ${textOf(refusal)}`);
    return refusal;
  }

  async #send({ query, variables = {}, token }: Request): Promise<Answer> {
    const headers = {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
    const body = JSON.stringify({ query, variables });
    const response = await fetch(`${this.url}/graphql`, { method: 'POST', headers, body }).catch(() => {
      throw new DemoError(
        `Nobody answers at ${this.url}: run \`npm start\` first, or tell where the server is: npm run demo -- http://127.0.0.1:4000`,
      );
    });
    const answer = (await response.json().catch(() => undefined)) as Answer | undefined;
    const isGraphql = answer?.data !== undefined || Array.isArray(answer?.errors);
    expect(
      isGraphql,
      `Whoever answers at ${this.url} is no Sparekey: status ${response.status} and no GraphQL answer.`,
    );
    return answer;
  }
}

function nameOf({ query }: Request): string {
  return /\{\s*(\w+)/.exec(query)?.[1] ?? 'The operation';
}

function textOf(refusal: Refusal | undefined): string {
  return refusal === undefined ? '' : `${refusal.extensions.code}, "${refusal.message}"`;
}
