import { sql } from 'kysely';
import type { Role } from '../access/viewer.js';
import type { Database } from '../database.js';
import { isRealmOrigin, limitSubjectOfUser } from '../service-keys/subject.js';
import { emailKeyOf } from './email.js';

/** An account as those may see it who may see it at all; its password's hash is never among it. */
export interface Account {
  readonly id: string;
  readonly origin: string;
  readonly externalId: string | null;
  readonly email: string | null;
  readonly role: Role;
  readonly emailVerifiedAt: Date | null;
  readonly createdAt: Date;
  readonly lastSignedInAt: Date | null;
  readonly setupVerifiedAt: Date | null;
}

/**
 * What an account's failed attempts are counted under, signed in or not: its address; for one without, its id, or where a
 * service key acts for it, what was counted under before there was an account.
 */
export function limitSubjectOf({ id, email, origin, externalId }: Account): string {
  if (email !== null) return emailKeyOf(email);
  return externalId !== null && isRealmOrigin(origin) ? limitSubjectOfUser(origin, externalId) : id;
}

export const accountColumns = sql<Account>`a.id, a.origin, a.external_id, a.email, a.role, a.email_verified_at,
  a.created_at, a.last_signed_in_at, a.setup_verified_at`;

export async function accountsById(db: Database, ids: readonly string[]): Promise<readonly (Account | undefined)[]> {
  const { rows } = await sql<Account>`
    select ${accountColumns} from accounts a where a.id = any(${[...ids]}::uuid[])
  `.execute(db);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => byId.get(id));
}

/** A LOCAL account by its address; no look-up crosses origins. */
export async function accountByEmail(db: Database, emailKey: string): Promise<Account | undefined> {
  const { rows } = await sql<Account>`
    select ${accountColumns} from accounts a where a.email_key = ${emailKey} and a.origin = 'LOCAL'
  `.execute(db);
  return rows[0];
}

/** An account as a JSON column brings it, its times as text. */
export type AccountJson = {
  readonly [K in keyof Account]: Extract<Account[K], Date> extends never ? Account[K] : string | null;
};

export function accountFromJson(json: AccountJson): Account {
  const date = (text: string | null) => (text === null ? null : new Date(text));
  return {
    ...json,
    emailVerifiedAt: date(json.emailVerifiedAt),
    createdAt: new Date(json.createdAt as string),
    lastSignedInAt: date(json.lastSignedInAt),
    setupVerifiedAt: date(json.setupVerifiedAt),
  };
}
