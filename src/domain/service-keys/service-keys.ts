import { sql } from 'kysely';
import { v7 as newId } from 'uuid';
import { requireAdmin } from '../access/rules.js';
import type { Origin, Viewer } from '../access/viewer.js';
import type { Reauthentication } from '../accounts/reauthentication.js';
import { isSessionOn } from '../accounts/sessions.js';
import { hashOfToken } from '../crypto/secret-token.js';
import type { Database } from '../database.js';
import { NotFoundError, UnauthenticatedError } from '../errors.js';
import { type EventSource, sourceOf } from '../events/event-source.js';
import { raise } from '../events/raise.js';
import { isId } from '../ids.js';
import { type ParsedServiceKey, parseServiceKey, type ServiceKeyInput } from './parse-service-key.js';
import { newServiceKeySecret, type ServiceKey, serviceKeyColumns } from './service-key.js';

export interface CreatedServiceKey {
  readonly serviceKey: ServiceKey;
  /** The only time that it is told. */
  readonly secret: string;
}

/** What admins do with the keys of host applications. Every method checks first who asks. */
export class ServiceKeys {
  constructor(
    private readonly db: Database,
    private readonly parts: { readonly reauthentication: Reauthentication },
  ) {}

  /** All that there ever were, newest first. */
  async list(viewer: Viewer): Promise<readonly ServiceKey[]> {
    requireAdmin(viewer);
    const { rows } = await sql<ServiceKey>`
      select ${serviceKeyColumns} from service_keys k order by k.created_at desc, k.id desc
    `.execute(this.db);
    return rows;
  }

  /** @throws BadUserInputError, ReauthenticationRequiredError, InvalidCredentialsError, RateLimitedError */
  async create(
    viewer: Viewer,
    origin: Origin,
    asked: { readonly input: ServiceKeyInput; readonly currentPassword?: string | null | undefined },
  ): Promise<CreatedServiceKey> {
    const admin = requireAdmin(viewer);
    const key = parseServiceKey(asked.input);
    await this.parts.reauthentication.require(admin, origin, asked.currentPassword);
    const secret = newServiceKeySecret();
    const source = sourceOf(admin, origin);
    const serviceKey = await this.db.transaction().execute(async (tx) => {
      const made = await insert(tx, { key, secret, source });
      await record(tx, { source, action: 'SERVICE_KEY_CREATED', key: made });
      return made;
    });
    return { serviceKey, secret };
  }

  /** It is refused from then on, by every process. A repeat changes nothing. @throws NotFoundError */
  async revoke(viewer: Viewer, origin: Origin, id: string): Promise<ServiceKey> {
    const source = sourceOf(requireAdmin(viewer), origin);
    if (!isId(id)) throw new NotFoundError('service key');
    return await this.db.transaction().execute(async (tx) => {
      const { rows } = await sql<ServiceKey>`
        update service_keys k set revoked_at = sparekey_now() where k.id = ${id} and k.revoked_at is null
        returning ${serviceKeyColumns}
      `.execute(tx);
      const [revoked] = rows;
      if (revoked === undefined) return await existing(tx, id);
      await record(tx, { source, action: 'SERVICE_KEY_REVOKED', key: revoked });
      return revoked;
    });
  }
}

interface NewServiceKey {
  readonly key: ParsedServiceKey;
  readonly secret: string;
  readonly source: EventSource;
}

/** What outlasts the session that makes it is made only while that is on. @throws UnauthenticatedError */
async function insert(tx: Database, { key, secret, source }: NewServiceKey): Promise<ServiceKey> {
  const { name, realm, operations, expiresInDays } = key;
  const { rows } = await sql<ServiceKey>`
    insert into service_keys as k (id, name, realm, operations, key_hash, created_by, expires_at)
    select ${newId()}::uuid, ${name}, ${realm}, ${[...operations]}::text[], ${hashOfToken(secret)}, ${source.actorId}::uuid,
      sparekey_now() + ${expiresInDays}::int * interval '24 hours'
    where ${isSessionOn(source)}
    returning ${serviceKeyColumns}
  `.execute(tx);
  const [made] = rows;
  if (made === undefined) throw new UnauthenticatedError();
  return made;
}

async function existing(db: Database, id: string): Promise<ServiceKey> {
  const { rows } = await sql<ServiceKey>`select ${serviceKeyColumns} from service_keys k where k.id = ${id}`.execute(
    db,
  );
  const [found] = rows;
  if (found === undefined) throw new NotFoundError('service key');
  return found;
}

interface Change {
  readonly source: EventSource;
  readonly action: 'SERVICE_KEY_CREATED' | 'SERVICE_KEY_REVOKED';
  readonly key: ServiceKey;
}

async function record(tx: Database, { source, action, key }: Change): Promise<void> {
  const { id: serviceKeyId, name, realm, operations } = key;
  const about = `${name} (realm ${realm}: ${operations.join(', ')})`;
  await raise(tx, [{ ...source, action, serviceKeyId, reason: `${realm}: ${name}`, about }]);
}
