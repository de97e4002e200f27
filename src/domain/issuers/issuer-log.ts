/** Told of what is wrong with issuers and their tokens, for the log. The issuer goes by its name, never by what a token says. */
export interface IssuerLog {
  /** Tokens that were refused since this was told last. Nothing of the tokens themselves. */
  tokensRefused(refused: { readonly client: string; readonly reason: string; readonly count: number }): void;
  /** What `lastError` tells as an error id only. */
  keysNotFetched(fault: {
    readonly client: string;
    readonly errorId: string;
    readonly failure: string;
    readonly error: unknown;
  }): void;
}

interface Line {
  toldAt: number;
  untold: number;
}

const AGAIN_AFTER_MS = 60_000;

/** Tells of refused tokens at most once a minute for each issuer and reason, with how many there were. */
export class RefusalLog {
  readonly #lines = new Map<string, Line>();

  constructor(private readonly log: Pick<IssuerLog, 'tokensRefused'>) {}

  /** `reason` is one of a few fixed phrases. */
  note(client: string, reason: string): void {
    const key = JSON.stringify([client, reason]);
    const line = this.#lines.get(key) ?? { toldAt: -Infinity, untold: 0 };
    this.#lines.set(key, line);
    line.untold += 1;
    const now = performance.now();
    if (now - line.toldAt < AGAIN_AFTER_MS) return;
    this.log.tokensRefused({ client, reason, count: line.untold });
    [line.toldAt, line.untold] = [now, 0];
  }
}
