import { sql } from 'kysely';
import type { Database } from '../database.js';
import { FreshRead } from '../live/fresh-read.js';
import type { Signals } from '../signals.js';
import { KeySet, type PublicJwk } from './key-set.js';

/** An enabled issuer, with what its tokens are checked by. */
export interface TrustedIssuer {
  readonly id: string;
  readonly name: string;
  readonly issuer: string;
  readonly audience: string;
  readonly acceptIdTokens: boolean;
  /** Another after each change, of its keys too. */
  readonly version: string;
  /** Empty where they are too old to be used. */
  keys(): KeySet;
}

interface Row extends Omit<TrustedIssuer, 'keys'> {
  readonly jwks: { readonly keys: readonly PublicJwk[] } | null;
  /** Until its keys are too old. */
  readonly secondsLeft: number | null;
}

interface Loaded {
  readonly at: number;
  readonly byIssuer: ReadonlyMap<string, TrustedIssuer>;
}

const FRESH_FOR_MS = 60_000;
/** While nothing can be heard of changes. */
const FRESH_UNHEARD_MS = 5_000;
const SECONDS_A_DAY = 86_400;
const NO_KEYS = new KeySet([]);

interface Parts {
  readonly signals: Signals;
  readonly maxStaleDays: number;
}

/**
 * The enabled issuers by what their tokens name as issuer, as this process knows them: read anew when one changes. Where
 * it matters, the version tells whether what is known still holds.
 */
export class TrustedIssuers {
  #loaded: Loaded | undefined;
  /** Counts what was heard, so that a read that began before is not taken for fresh. */
  #changes = 0;
  readonly #read = new FreshRead(() => this.#load());

  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {
    parts.signals.on('sparekey_issuers_changed', () => this.forget());
    parts.signals.onGap(() => this.forget());
  }

  async find(issuer: string): Promise<TrustedIssuer | undefined> {
    const freshFor = this.parts.signals.isUp ? FRESH_FOR_MS : FRESH_UNHEARD_MS;
    const isFresh = this.#loaded !== undefined && performance.now() - this.#loaded.at < freshFor;
    const { byIssuer } = isFresh ? (this.#loaded as Loaded) : await this.#read.get();
    return byIssuer.get(issuer);
  }

  /** Reads anew at the next question. */
  forget(): void {
    this.#changes += 1;
    this.#loaded = undefined;
  }

  async #load(): Promise<Loaded> {
    const [at, changes] = [performance.now(), this.#changes];
    const { rows } = await sql<Row>`
      select c.id, c.name, c.issuer, c.audience, c.accept_id_tokens, c.updated_at::text as version, c.jwks,
        extract(epoch from c.keys_fetched_at - sparekey_now())::float8 + ${this.parts.maxStaleDays * SECONDS_A_DAY}::float8
          as seconds_left
      from oidc_clients c where c.is_enabled
    `.execute(this.db);
    const loaded = { at, byIssuer: new Map(rows.map((row) => [row.issuer, issuerOf(row, at)])) };
    if (changes === this.#changes) this.#loaded = loaded;
    return loaded;
  }
}

function issuerOf({ jwks, secondsLeft, ...issuer }: Row, at: number): TrustedIssuer {
  const known = new KeySet(jwks?.keys ?? []);
  const endsAt = at + (secondsLeft ?? 0) * 1_000;
  return { ...issuer, keys: () => (performance.now() < endsAt ? known : NO_KEYS) };
}
