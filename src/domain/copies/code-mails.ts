import { sql } from 'kysely';
import type { Database } from '../database.js';
import { raise } from '../events/raise.js';
import type { CodeMailId } from '../jobs/job-store.js';
import { wipeUselessCopy } from './code-copies.js';

/** How long one attempt may take, all in all: nobody else tries meanwhile. */
const ATTEMPT_SECONDS = 150;

/** What an attempt at a mail of codes needs to know. */
export interface CodeMail extends CodeMailId {
  readonly sessionId: string;
  readonly accountId: string | null;
  readonly to: string | null;
  readonly batchNumber: number;
  readonly issuedAt: Date;
  readonly expiresAt: Date | null;
}

/** Whether there is such a mail still, and nobody tries to send it. */
export type Taken =
  { readonly kind: 'taken'; readonly mail: CodeMail } | { readonly kind: 'over' } | { readonly kind: 'tried' };

/** Takes a mail for one attempt that ends while the copy is held. */
export async function takeCodeMail(db: Database, { batchId, mailId }: CodeMailId): Promise<Taken> {
  const { rows } = await sql<CodeMail>`
    with taken as (
      update code_mails m set attempt_until = sparekey_now() + make_interval(secs => ${ATTEMPT_SECONDS})
      where m.batch_id = ${batchId} and m.id = ${mailId}
        and m.held_until >= sparekey_now() + make_interval(secs => ${ATTEMPT_SECONDS})
        and coalesce(m.attempt_until <= sparekey_now(), true)
      returning m.*
    )
    select taken.batch_id, taken.id as mail_id, taken.session_id, b.account_id, b.number as batch_number,
      b.created_at as issued_at, b.expires_at, case when a.email_verified_at is not null then a.email end as to
    from taken join recovery_code_batches b on b.id = taken.batch_id left join accounts a on a.id = b.account_id
  `.execute(db);
  const [mail] = rows;
  if (mail !== undefined) return { kind: 'taken', mail };
  return { kind: (await isTried(db, { batchId, mailId })) ? 'tried' : 'over' };
}

async function isTried(db: Database, { batchId, mailId }: CodeMailId): Promise<boolean> {
  const { rows } = await sql`
    select 1 from code_mails where batch_id = ${batchId} and id = ${mailId} and attempt_until > sparekey_now()
  `.execute(db);
  return rows.length > 0;
}

/** Lets the next attempt begin. */
export async function releaseCodeMail(db: Database, { batchId, mailId }: CodeMailId): Promise<void> {
  await sql`
    update code_mails set attempt_until = null where batch_id = ${batchId} and id = ${mailId}
  `.execute(db);
}

/** The mail has arrived: the batch stays mailed, and the copy is no longer held. */
export async function endSent(db: Database, mail: CodeMailId): Promise<void> {
  await db.transaction().execute(async (tx) => {
    if ((await removed(tx, mail)) === undefined) return;
    await wipeUselessCopy(tx, mail.batchId);
  });
}

/** Why a mail never arrived. */
export type NotSent = 'MAIL_FAILED' | 'MAIL_OVERDUE' | 'COPY_GONE';

/** The mail will never arrive: nothing was used up, and the session may mail or export what is left of the copy. */
export async function endUnsent(db: Database, mail: CodeMailId, reason: NotSent): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const ended = await removed(tx, mail);
    if (ended === undefined) return;
    await sql`
      update recovery_code_batches set emailed_at = null, updated_at = sparekey_now() where id = ${mail.batchId}
    `.execute(tx);
    await wipeUselessCopy(tx, mail.batchId);
    const { accountId } = ended;
    if (accountId !== null) await raise(tx, [{ action: 'COPY_REARMED', accountId, batchId: mail.batchId, reason }]);
  });
}

/** Lock order: batch, mail. Undefined where somebody else has ended it. */
async function removed(
  tx: Database,
  { batchId, mailId }: CodeMailId,
): Promise<{ accountId: string | null } | undefined> {
  await sql`select 1 from recovery_code_batches where id = ${batchId} for no key update`.execute(tx);
  const { rows } = await sql<{ accountId: string | null }>`
    delete from code_mails m using recovery_code_batches b
    where m.batch_id = ${batchId} and m.id = ${mailId} and b.id = m.batch_id returning b.account_id
  `.execute(tx);
  return rows[0];
}

/** Ends mails that got no final answer in time, of one batch or of any; returns them. */
export async function endOverdue(db: Database, batchId?: string): Promise<readonly CodeMailId[]> {
  const { rows } = await sql<CodeMailId>`
    select batch_id, id as mail_id from code_mails
    where held_until <= sparekey_now() and (${batchId ?? null}::uuid is null or batch_id = ${batchId ?? null}::uuid)
    order by held_until limit 1000
  `.execute(db);
  for (const mail of rows) await endUnsent(db, mail, 'MAIL_OVERDUE');
  return rows;
}
