import { sql } from 'kysely';
import { deleteActiveBatch } from '../codes/delete-batch.js';
import type { Database } from '../database.js';
import type { EventSource } from '../events/event-source.js';
import { raise } from '../events/raise.js';
import { endingsOf } from './new-password.js';
import { revokeSessionsOf } from './sessions.js';

export interface Removal {
  readonly accountId: string;
  readonly reason: string;
  readonly source: EventSource;
}

/**
 * Removes an account whose row the transaction has locked: the person, and with it sessions, tokens, copies, mails under
 * way and changes under way. Batches and the audit stay, without the person; codes that worked are marked for deletion, so
 * that the purge takes them. Lock order: account, session, batch. Returns the ids of the sessions that ended.
 */
export async function removeAccount(tx: Database, { accountId, reason, source }: Removal): Promise<readonly string[]> {
  const ended = await revokeSessionsOf(tx, accountId);
  await sql`
    select 1 from recovery_code_batches where account_id = ${accountId} order by id for no key update
  `.execute(tx);
  await deleteActiveBatch(tx, { accountId, deletedBy: source.actorId ?? accountId, source });
  await sql`
    delete from code_mails m using recovery_code_batches b where b.id = m.batch_id and b.account_id = ${accountId}
  `.execute(tx);
  await keepOut(tx, accountId);
  const about = { ...source, accountId };
  await raise(tx, [...endingsOf(about, ended), { ...about, action: 'ACCOUNT_DELETED', reason }]);
  // Those that are about to be sent go too; what is being sent just now cannot be called back.
  await sql`
    delete from outbox where delivered_at is null and failed_at is null and payload->>'accountId' = ${accountId}
  `.execute(tx);
  await sql`delete from accounts where id = ${accountId}`.execute(tx);
  return ended;
}

/** Tokens that an issuer has given out so far do not bring its subject back. */
async function keepOut(tx: Database, accountId: string): Promise<void> {
  await sql`
    insert into federated_cutoffs (origin, external_id, not_before)
    select origin, external_id, sparekey_now() from accounts where id = ${accountId} and origin like 'issuer:%'
    on conflict (origin, external_id) do update set not_before = excluded.not_before
  `.execute(tx);
}
