import { randomUUID } from 'node:crypto';
import type { TestAccount, TestBatch } from './accounts.js';
import type { Answer, TestApp } from './app.js';

type Asked = Pick<TestApp, 'database' | 'post'>;

/** Whom a host application asks for. */
export interface As {
  readonly subject?: string | undefined;
  /** Of those that the host application tells apart. */
  readonly session?: string | undefined;
  readonly address?: string | undefined;
}

/** Whichever process of Sparekey is asked. */
interface Server {
  post(query: string, variables?: Record<string, unknown>, options?: Options): Promise<Answer>;
}

interface Options {
  readonly token?: string | undefined;
  readonly headers?: Record<string, string>;
}

/** A host application's back end with its service key. */
export interface Host {
  readonly keyId: string;
  readonly realm: string;
  readonly secret: string;
  ask(query: string, variables: Record<string, unknown>, as: As, at?: Server): Promise<Answer>;
}

export const CREATE = `mutation($input: ServiceKeyInput!, $currentPassword: String) {
  createServiceKey(input: $input, currentPassword: $currentPassword) {
    secret serviceKey { id name realm operations createdAt lastUsedAt expiresAt revokedAt } } }`;
export const REVOKE = `mutation($id: ID!) { revokeServiceKey(id: $id) {
  id name realm operations createdAt lastUsedAt expiresAt revokedAt } }`;

/** A new key, of a new realm unless one is given. */
export async function makeHost(app: Asked, admin: TestAccount, input: Record<string, unknown> = {}): Promise<Host> {
  const { data, errors } = await app.post(CREATE, { input: { name: 'A shop', ...input } }, { token: admin.token });
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  const { secret, serviceKey } = data['createServiceKey'];
  return {
    keyId: serviceKey.id,
    realm: serviceKey.realm,
    secret,
    ask: (query, variables, as, at = app) => at.post(query, variables, { token: secret, headers: headersOf(as) }),
  };
}

export function headersOf({ subject, session, address }: As): Record<string, string> {
  return {
    ...(subject !== undefined && { 'x-sparekey-subject': subject }),
    ...(session !== undefined && { 'x-sparekey-subject-session': session }),
    ...(address !== undefined && { 'x-sparekey-client-address': address }),
  };
}

export const newSubject = () => `user-${randomUUID()}`;

/** Issues a batch to a host application's user, past whatever cooldown is open. */
export async function issueTo(app: Asked, host: Host, as: As): Promise<TestBatch> {
  await app.database.rows('update rate_limits set blocked_until = null where blocked_until is not null');
  const query = 'mutation { generateRecoveryCodes { batch { id } codes { code } } }';
  const { data, errors } = await host.ask(query, {}, as);
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  const { batch, codes } = data['generateRecoveryCodes'];
  return { id: batch.id, codes: codes.map(({ code }: { code: string }) => code) };
}
