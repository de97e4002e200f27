import { sql } from 'kysely';
import { v7 as newId } from 'uuid';
import { requireAdmin } from '../access/rules.js';
import type { Origin, Viewer } from '../access/viewer.js';
import type { Reauthentication } from '../accounts/reauthentication.js';
import { brokenUnique } from '../broken-unique.js';
import type { Database } from '../database.js';
import { ConflictError, NotFoundError } from '../errors.js';
import { type EventSource, sourceOf } from '../events/event-source.js';
import { raise } from '../events/raise.js';
import { isId } from '../ids.js';
import { signal } from '../signals.js';
import { discoveryUrl } from './issuer-url.js';
import { type KeyRefresh, keySetJson } from './key-refresh.js';
import { clientColumns, listClients, type OidcClient } from './oidc-client.js';
import { type OidcClientInput, parseClient, type ParsedClient } from './parse-client.js';
import type { TrustedIssuers } from './trusted-issuers.js';

export interface SaveClient {
  /** Absent or null: a new one. */
  readonly id?: string | null | undefined;
  readonly input: OidcClientInput;
  readonly currentPassword?: string | null | undefined;
}

interface Parts {
  readonly reauthentication: Reauthentication;
  readonly refresh: KeyRefresh;
  /** What this process knows of issuers: here a change holds at once. The others hear of it. */
  readonly trusted: Pick<TrustedIssuers, 'forget'>;
  readonly ownIssuer: () => string;
  readonly allowLoopback: boolean;
}

type Fetched = Awaited<ReturnType<KeyRefresh['fetch']>>;

interface Saving {
  readonly id: string;
  readonly isNew: boolean;
  readonly client: ParsedClient;
  readonly fetched: Fetched;
  readonly source: EventSource;
}

/** What admins do with trusted issuers. Every method checks first who asks. */
export class OidcClients {
  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {}

  /** By name. */
  async list(viewer: Viewer): Promise<readonly OidcClient[]> {
    requireAdmin(viewer);
    return await listClients(this.db);
  }

  /**
   * Saves an issuer and fetches its keys at once. It is saved where they cannot be fetched, too: `lastError` says why, the
   * last good set stays, and they are fetched again like any others.
   * @throws BadUserInputError, ReauthenticationRequiredError, InvalidCredentialsError, RateLimitedError, NotFoundError,
   *   ConflictError for a name or an issuer that is saved already; after any of them nothing has changed
   */
  async save(viewer: Viewer, origin: Origin, { id, input, currentPassword }: SaveClient): Promise<OidcClient> {
    const admin = requireAdmin(viewer);
    const { reauthentication, refresh, ownIssuer, allowLoopback } = this.parts;
    const client = parseClient(input, { ownIssuer: ownIssuer(), allowLoopback });
    await reauthentication.require(admin, origin, currentPassword);
    const isNew = id === null || id === undefined;
    if (!isNew) await this.#requireExisting(id);
    const fetched = await refresh.fetch(sourceOfKeys(client));
    const saving = { id: isNew ? newId() : id, isNew, client, fetched, source: sourceOf(admin, origin) };
    try {
      const saved = await this.#save(saving);
      this.parts.trusted.forget();
      return saved;
    } catch (error) {
      throw conflictOf(error) ?? error;
    }
  }

  /** Its tokens are refused from here on; the accounts of its subjects stay. @throws NotFoundError */
  async delete(viewer: Viewer, origin: Origin, id: string): Promise<void> {
    const source = sourceOf(requireAdmin(viewer), origin);
    if (!isId(id)) throw new NotFoundError('trusted issuer');
    await this.db.transaction().execute(async (tx) => {
      const { rows } = await sql<{ name: string; issuer: string }>`
        delete from oidc_clients where id = ${id} returning name, issuer
      `.execute(tx);
      if (rows[0] === undefined) throw new NotFoundError('trusted issuer');
      const about = aboutClient(rows[0]);
      await raise(tx, [{ ...source, action: 'OIDC_CLIENT_DELETED', reason: about, about }]);
      await signal(tx, 'sparekey_issuers_changed', [id]);
    });
    this.parts.trusted.forget();
  }

  async #requireExisting(id: string): Promise<void> {
    const { rows } = isId(id) ? await sql`select from oidc_clients where id = ${id}`.execute(this.db) : { rows: [] };
    if (rows.length === 0) throw new NotFoundError('trusted issuer');
  }

  async #save(saving: Saving): Promise<OidcClient> {
    const { id, isNew, client, source } = saving;
    return await this.db.transaction().execute(async (tx) => {
      const saved = await (isNew ? insertClient(tx, saving) : updateClient(tx, saving));
      if (saved === undefined) throw new NotFoundError('trusted issuer');
      const about = aboutClient(client);
      await raise(tx, [{ ...source, action: 'OIDC_CLIENT_SAVED', reason: about, about }]);
      await signal(tx, 'sparekey_issuers_changed', [id]);
      return saved;
    });
  }
}

function aboutClient({ name, issuer }: { readonly name: string; readonly issuer: string }): string {
  return `${name}: ${issuer}`;
}

function sourceOfKeys({ name, issuer, jwksUri }: ParsedClient) {
  return { name, issuer, jwksUri: jwksUri ?? discoveryUrl(issuer), isDiscovered: jwksUri === undefined };
}

async function insertClient(tx: Database, { id, client, fetched }: Saving): Promise<OidcClient | undefined> {
  const { name, issuer, audience, acceptIdTokens, isEnabled = true } = client;
  const { jwksUri, isDiscovered } = sourceOfKeys(client);
  const keys = fetched.isFetched ? keySetJson(fetched.keys) : null;
  const { rows } = await sql<OidcClient>`
    insert into oidc_clients as c (id, name, issuer, audience, jwks_uri, is_discovered, accept_id_tokens, is_enabled, jwks,
      keys_fetched_at, fetch_tried_at, last_error)
    values (${id}, ${name}, ${issuer}, ${audience}, ${fetched.isFetched ? fetched.jwksUri : jwksUri}, ${isDiscovered},
      ${acceptIdTokens}, ${isEnabled}, ${keys}::jsonb, case when ${fetched.isFetched} then sparekey_now() end,
      sparekey_now(), ${fetched.error})
    returning ${clientColumns}
  `.execute(tx);
  return rows[0];
}

/** Keys that could not be fetched stay what they were only where they were fetched from the same source. */
async function updateClient(tx: Database, { id, client, fetched }: Saving): Promise<OidcClient | undefined> {
  const { name, issuer, audience, acceptIdTokens, isEnabled = null } = client;
  const { jwksUri, isDiscovered } = sourceOfKeys(client);
  const keys = fetched.isFetched ? keySetJson(fetched.keys) : null;
  const isSame = sql`(c.issuer = ${issuer} and c.is_discovered = ${isDiscovered} and (c.is_discovered or c.jwks_uri = ${jwksUri}))`;
  const kept = (column: 'jwks' | 'keys_fetched_at' | 'jwks_uri') =>
    sql`case when ${isSame} then c.${sql.ref(column)} end`;
  const { rows } = await sql<OidcClient>`
    update oidc_clients c set name = ${name}, issuer = ${issuer}, audience = ${audience},
      accept_id_tokens = ${acceptIdTokens}, is_enabled = coalesce(${isEnabled}, c.is_enabled),
      is_discovered = ${isDiscovered}, jwks_uri = coalesce(${fetched.isFetched ? fetched.jwksUri : null}, ${kept('jwks_uri')}, ${jwksUri}),
      jwks = coalesce(${keys}::jsonb, ${kept('jwks')}),
      keys_fetched_at = case when ${fetched.isFetched} then sparekey_now() else ${kept('keys_fetched_at')} end,
      fetch_tried_at = sparekey_now(), last_error = ${fetched.error}, updated_at = sparekey_now()
    where c.id = ${id} returning ${clientColumns}
  `.execute(tx);
  return rows[0];
}

function conflictOf(error: unknown): ConflictError | undefined {
  const broken = brokenUnique(error);
  if (broken === undefined) return undefined;
  return broken === 'oidc_clients_name_unique'
    ? new ConflictError('Another trusted issuer has this name.', 'input.name')
    : new ConflictError('This issuer is saved already: save that one.', 'input.issuer');
}
