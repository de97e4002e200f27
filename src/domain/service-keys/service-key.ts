import { sql } from 'kysely';
import { newSecretToken } from '../crypto/secret-token.js';
import type { ServiceOperation } from '../access/viewer.js';

/** A host application's credential, as admins see it. */
export interface ServiceKey {
  readonly id: string;
  readonly name: string;
  readonly realm: string;
  readonly operations: readonly ServiceOperation[];
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

export const serviceKeyColumns = sql<ServiceKey>`k.id, k.name, k.realm, k.operations, k.created_at, k.last_used_at,
  k.expires_at, k.revoked_at`;

const PREFIX = 'sk_';
const SECRET = /^sk_[\w-]{43}$/;

/** 32 random bytes, known at a glance for what they open. */
export function newServiceKeySecret(): string {
  return `${PREFIX}${newSecretToken()}`;
}

/** Whether a bearer token means to be a service key: no other token begins so. */
export function claimsToBeServiceKey(bearer: string): boolean {
  return bearer.startsWith(PREFIX);
}

/** Whether it could be one at all. */
export function hasFormOfServiceKey(bearer: string): boolean {
  return SECRET.test(bearer);
}
