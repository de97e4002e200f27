import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import pLimit from 'p-limit';
import type { Database } from '../database.js';
import { FAILURE_PHRASES, type FetchedKeys, fetchKeys, type KeyFetching, type KeySource } from './fetch-keys.js';
import type { IssuerLog } from './issuer-log.js';

/** A trusted issuer whose keys are to be fetched. */
export interface RefreshedClient extends KeySource {
  readonly id: string;
  readonly name: string;
}

/** What became of it. */
export interface Refreshed {
  readonly client: RefreshedClient;
  readonly keyCount: number;
  /** A fixed phrase and an error id; null where it went well. */
  readonly error: string | null;
  readonly ms: number;
}

interface Parts extends KeyFetching {
  readonly log: Pick<IssuerLog, 'keysNotFetched'>;
}

const AT_ONCE = 8;
const AGAIN_AFTER_SECONDS = 60;
/** So that tokens that name keys at random do not cost a statement each. */
const ASK_AGAIN_AFTER_MS = 5_000;

const sourceColumns = sql<RefreshedClient>`c.id, c.name, c.issuer, c.jwks_uri, c.is_discovered`;

/** Fetches the keys of trusted issuers anew. A failure keeps the last good set, and is told. */
export class KeyRefresh {
  readonly #underWay = new Map<string, Promise<boolean>>();
  readonly #askedAt = new Map<string, number>();

  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {}

  /** Every enabled one, in the order in which they were added. */
  async due(): Promise<readonly RefreshedClient[]> {
    const { rows } = await sql<RefreshedClient>`
      select ${sourceColumns} from oidc_clients c where c.is_enabled order by c.created_at, c.id
    `.execute(this.db);
    return rows;
  }

  /** Each by itself, several at a time; tells of them in their order, as they end. */
  async *refreshAll(clients: readonly RefreshedClient[]): AsyncGenerator<Refreshed> {
    const turns = pLimit(AT_ONCE);
    const all = clients.map((client) => turns(() => this.#refresh(client)));
    // Whoever waits for one of them hears of its fault; the others must not end the process meanwhile.
    for (const one of all) one.catch(() => undefined);
    for (const one of all) yield await one;
  }

  /**
   * For a token that names a key which is not known: whoever asks within a minute of the last attempt, in whatever
   * process, gets no other; whoever asks while it is under way here waits for it. Says whether keys were fetched.
   */
  async refreshForUnknownKey(id: string): Promise<boolean> {
    const underWay = this.#underWay.get(id);
    if (underWay !== undefined) return await underWay;
    if (performance.now() - (this.#askedAt.get(id) ?? -Infinity) < ASK_AGAIN_AFTER_MS) return false;
    const refresh = this.#refreshOnce(id).finally(() => {
      this.#underWay.delete(id);
      this.#askedAt.set(id, performance.now());
    });
    this.#underWay.set(id, refresh);
    return await refresh;
  }

  /** Fetches without storing, for one that is about to be saved. */
  async fetch(source: KeySource & { readonly name: string }): Promise<FetchedKeys & { readonly error: string | null }> {
    const fetched = await fetchKeys(this.parts, source);
    return { ...fetched, error: fetched.isFetched ? null : this.#told(source.name, fetched) };
  }

  async #refreshOnce(id: string): Promise<boolean> {
    const { rows } = await sql<RefreshedClient>`
      update oidc_clients c set fetch_tried_at = sparekey_now()
      where c.id = ${id} and c.is_enabled and (c.fetch_tried_at is null
        or c.fetch_tried_at <= sparekey_now() - make_interval(secs => ${AGAIN_AFTER_SECONDS}))
      returning ${sourceColumns}
    `.execute(this.db);
    const [client] = rows;
    return client !== undefined && (await this.#refresh(client)).error === null;
  }

  async #refresh(client: RefreshedClient): Promise<Refreshed> {
    const startedAt = performance.now();
    const fetched = await this.fetch(client);
    await (fetched.isFetched ? this.#store(client, fetched) : this.#noteFailure(client, fetched.error));
    const keyCount = fetched.isFetched ? fetched.keys.length : 0;
    return { client, keyCount, error: fetched.error, ms: Math.round(performance.now() - startedAt) };
  }

  /** Not over what was saved meanwhile. */
  async #store(
    { id, issuer, jwksUri, isDiscovered }: RefreshedClient,
    fetched: Extract<FetchedKeys, { readonly isFetched: true }>,
  ): Promise<void> {
    await sql`
      with stored as (
        update oidc_clients set jwks = ${keySetJson(fetched.keys)}::jsonb, jwks_uri = ${fetched.jwksUri}, last_error = null,
          keys_fetched_at = sparekey_now(), fetch_tried_at = sparekey_now(), updated_at = sparekey_now()
        where id = ${id} and issuer = ${issuer} and is_discovered = ${isDiscovered}
          and (is_discovered or jwks_uri = ${jwksUri})
        returning id
      )
      select pg_notify('sparekey_issuers_changed', id::text) from stored
    `.execute(this.db);
  }

  async #noteFailure({ id, issuer }: RefreshedClient, error: string | null): Promise<void> {
    await sql`
      update oidc_clients set last_error = ${error}, fetch_tried_at = sparekey_now()
      where id = ${id} and issuer = ${issuer}
    `.execute(this.db);
  }

  #told(client: string, { failure, cause }: Extract<FetchedKeys, { readonly isFetched: false }>): string {
    const errorId = randomUUID();
    this.parts.log.keysNotFetched({ client, errorId, failure, error: cause });
    return `${FAILURE_PHRASES[failure]} The log has more under error ${errorId}.`;
  }
}

export function keySetJson(keys: readonly object[]): string {
  return JSON.stringify({ keys });
}
