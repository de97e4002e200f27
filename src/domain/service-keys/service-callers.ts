import { sql } from 'kysely';
import type { ServiceCaller, ServiceOperation } from '../access/viewer.js';
import { hashOfToken } from '../crypto/secret-token.js';
import type { Database } from '../database.js';
import { type HeaderValues, parseServiceHeaders, type ServiceHeaders } from './service-headers.js';
import { hasFormOfServiceKey } from './service-key.js';
import { limitSubjectOfUser, originOfRealm, sessionIdOfUser } from './subject.js';

interface KeyRow {
  readonly id: string;
  readonly realm: string;
  readonly operations: readonly ServiceOperation[];
  readonly accountId: string | null;
  /** It was not noted for a while that the key is in use. */
  readonly isUseDue: boolean;
}

/** `lastUsedAt` is as true as this, so that a busy key is not written with each request. */
const NOTED_EVERY = sql`interval '1 minute'`;

/** Who asks with a service key, and for whom. Nothing of it is remembered, so that a key ends everywhere at once. */
export class ServiceCallers {
  readonly #noting = new Set<string>();

  constructor(private readonly db: Database) {}

  /**
   * By one statement, for the key and for its user's account. Undefined for a key that is unknown, expired or revoked.
   * @throws BadUserInputError for a header that is not as it has to be
   */
  async find(secret: string, values: HeaderValues): Promise<ServiceCaller | undefined> {
    if (!hasFormOfServiceKey(secret)) return undefined;
    const headers = parseServiceHeaders(values);
    const key = await this.#keyOf(secret, headers.subject);
    if (key === undefined) return undefined;
    if (key.isUseDue) this.#noteUse(key.id);
    return callerOf(key, headers);
  }

  async #keyOf(secret: string, subject: string | undefined): Promise<KeyRow | undefined> {
    const { rows } = await sql<KeyRow>`
      select k.id, k.realm, k.operations, a.id as account_id,
        coalesce(k.last_used_at <= sparekey_now() - ${NOTED_EVERY}, true) as is_use_due
      from service_keys k
      left join accounts a on a.origin = ${originOfRealm('')} || k.realm and a.external_id = ${subject ?? null}
      where k.key_hash = ${hashOfToken(secret)} and k.revoked_at is null
        and (k.expires_at is null or k.expires_at > sparekey_now())
    `.execute(this.db);
    return rows[0];
  }

  /** Nobody waits for it, and of those who come together one does it. Where it fails, the next one tries again. */
  #noteUse(id: string): void {
    if (this.#noting.has(id)) return;
    this.#noting.add(id);
    sql`
      update service_keys k set last_used_at = sparekey_now()
      where k.id = ${id} and coalesce(k.last_used_at <= sparekey_now() - ${NOTED_EVERY}, true)
    `
      .execute(this.db)
      .catch(() => undefined)
      .finally(() => this.#noting.delete(id));
  }
}

function callerOf({ id, realm, operations, accountId }: KeyRow, headers: ServiceHeaders): ServiceCaller {
  const { subject: externalId, session, clientAddress } = headers;
  const caller = { kind: 'service' as const, serviceKeyId: id, operations, clientAddress };
  if (externalId === undefined) return { ...caller, subject: undefined };
  const origin = originOfRealm(realm);
  const subject = {
    origin,
    externalId,
    accountId: accountId ?? undefined,
    sessionId: sessionIdOfUser(origin, externalId, session),
    limitSubject: limitSubjectOfUser(origin, externalId),
  };
  return { ...caller, subject };
}
