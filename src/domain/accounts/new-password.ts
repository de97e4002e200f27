import { sql } from 'kysely';
import { deleteActiveBatch } from '../codes/delete-batch.js';
import type { Database } from '../database.js';
import type { EventSource } from '../events/event-source.js';
import { type EventDraft, raise } from '../events/raise.js';
import { dropEmailChange } from './email-change-requests.js';
import { revokeSessionsOf } from './sessions.js';
import { voidTokens } from './verification-tokens.js';

export interface NewPassword {
  readonly accountId: string;
  readonly passwordHash: string;
  readonly reason: 'reset' | 'changed';
  /** Every session but this one ends; without one all of them. */
  readonly keptSessionId?: string;
  readonly revokesCodes: boolean;
  readonly source: EventSource;
}

/**
 * Gives an account another password, in a transaction that has locked the account's row. Whatever was let in or mailed
 * before ends with the old one: sessions, tokens, a change of address under way, and the codes where that is wanted.
 * Lock order: account, session, batch. Returns the ids of the sessions that ended.
 */
export async function setPassword(
  tx: Database,
  { accountId, passwordHash, reason, keptSessionId, revokesCodes, source }: NewPassword,
): Promise<readonly string[]> {
  await sql`update accounts set password_hash = ${passwordHash} where id = ${accountId}`.execute(tx);
  await voidTokens(tx, accountId);
  const isChangeDropped = await dropEmailChange(tx, accountId);
  const ended = await revokeSessionsOf(tx, accountId, keptSessionId === undefined ? {} : { except: keptSessionId });
  if (revokesCodes) await deleteActiveBatch(tx, { accountId, deletedBy: accountId, source });
  const about = { ...source, accountId };
  const dropped: EventDraft[] = isChangeDropped
    ? [{ ...about, action: 'EMAIL_CHANGE_CANCELLED', reason: 'password changed' }]
    : [];
  await raise(tx, [{ ...about, action: 'PASSWORD_CHANGED', reason }, ...dropped, ...endingsOf(about, ended)]);
  return ended;
}

/** What the audit says of sessions that ended with something else. */
export function endingsOf(about: EventSource & { readonly accountId: string }, ended: readonly string[]): EventDraft[] {
  return ended.map((id) => ({ ...about, action: 'SESSION_REVOKED', reason: id }));
}
