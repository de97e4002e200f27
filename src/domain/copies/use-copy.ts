import { sql } from 'kysely';
import { isLiveSession } from '../accounts/live-session-condition.js';
import { type Batch, type BatchRow, toBatch } from '../codes/batch.js';
import { batchColumns } from '../codes/batch-columns.js';
import type { Database } from '../database.js';
import type { ExportFormat } from './code-sheet.js';
import type { EventSource } from '../events/event-source.js';
import { raise } from '../events/raise.js';
import { type CopyOf, isAvailable, wipeUselessCopy } from './code-copies.js';

/** Whose copy, of what. */
export interface Own extends CopyOf {
  readonly accountId: string;
  readonly source: EventSource;
}

export type Use = 'exported_at' | 'emailed_at';

/**
 * Locks a batch whose copy its session may use so: once, while session, batch and copy last. Of any number at once one
 * gets it, the others find it used. Lock order: session, batch.
 */
export async function lockUnused(tx: Database, { accountId, batchId, sessionId }: Own, use: Use): Promise<boolean> {
  const { rows } = await sql`
    with session as materialized (
      select s.id from sessions s
      where s.id = ${sessionId} and ${isLiveSession} for share
    )
    select b.id from recovery_code_batches b, session
    where b.id = ${batchId} and b.account_id = ${accountId} and b.status = 'ACTIVE' and b.${sql.ref(use)} is null
      and (b.expires_at is null or b.expires_at > sparekey_now())
      and exists (select from code_copies c where c.batch_id = b.id and c.session_id = session.id and ${isAvailable})
    for no key update of b
  `.execute(tx);
  return rows.length > 0;
}

/** Marks a locked batch as exported, in the transaction that releases the bytes. */
export async function markExported(
  tx: Database,
  { source, accountId, batchId, format }: Own & { readonly format: ExportFormat },
): Promise<Batch> {
  const batch = await marked(tx, batchId, 'exported_at');
  await wipeUselessCopy(tx, batchId);
  await raise(tx, [{ ...source, action: 'CODES_EXPORTED', accountId, batchId, reason: format }]);
  return batch;
}

/** From acceptance of a mail to its final answer, at most. */
const HELD_SECONDS = 900;

/** Marks a locked batch as mailed; its copy is held until the mail has its final answer. A job is to send it, if wanted. */
export async function markEmailed(
  tx: Database,
  {
    source,
    accountId,
    batchId,
    sessionId,
    mailId,
    isQueued,
  }: Own & { readonly mailId: string; readonly isQueued: boolean },
): Promise<Batch> {
  const batch = await marked(tx, batchId, 'emailed_at');
  await sql`
    insert into code_mails (batch_id, id, session_id, held_until)
    values (${batchId}, ${mailId}, ${sessionId}, sparekey_now() + make_interval(secs => ${HELD_SECONDS}))
  `.execute(tx);
  await raise(
    tx,
    [{ ...source, action: 'CODES_EMAILED', accountId, batchId }],
    isQueued ? [{ topic: 'codes-mail-accepted', payload: { accountId, batchId, mailId } }] : [],
  );
  return batch;
}

async function marked(tx: Database, batchId: string, use: Use): Promise<Batch> {
  const { rows } = await sql<BatchRow>`
    update recovery_code_batches b set ${sql.ref(use)} = sparekey_now(), updated_at = sparekey_now()
    where b.id = ${batchId} returning ${batchColumns('b')}
  `.execute(tx);
  return toBatch(rows[0] as BatchRow);
}
