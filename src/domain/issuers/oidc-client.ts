import { sql } from 'kysely';
import type { Database } from '../database.js';

/** A trusted issuer, as admins see it. */
export interface OidcClient {
  readonly id: string;
  readonly name: string;
  readonly issuer: string;
  readonly audience: string;
  /** Of a discovered one of which nothing was found yet: its discovery document. */
  readonly jwksUri: string;
  readonly acceptIdTokens: boolean;
  readonly keyCount: number;
  readonly keysFetchedAt: Date | null;
  /** A fixed phrase and an error id. */
  readonly lastError: string | null;
  readonly isEnabled: boolean;
}

export const clientColumns = sql<OidcClient>`c.id, c.name, c.issuer, c.audience, c.jwks_uri, c.accept_id_tokens,
  coalesce(jsonb_array_length(c.jwks -> 'keys'), 0) as key_count, c.keys_fetched_at, c.last_error, c.is_enabled`;

/** Every trusted issuer, by name. */
export async function listClients(db: Database): Promise<readonly OidcClient[]> {
  const { rows } = await sql<OidcClient>`
    select ${clientColumns} from oidc_clients c order by c.name collate "C"
  `.execute(db);
  return rows;
}
