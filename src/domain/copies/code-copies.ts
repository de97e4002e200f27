import { type RawBuilder, sql } from 'kysely';
import { isLiveSession } from '../accounts/live-session-condition.js';
import type { Keyring } from '../crypto/keyring.js';
import { type Database, secondsFromNow } from '../database.js';

export interface CopyOf {
  readonly batchId: string;
  readonly sessionId: string;
}

/**
 * Keeps the plaintext sealed for the session that issued it, so that it can export or mail the codes once. The key is
 * derived from RECOVERY_KEY, the session and the batch; the table is neither logged nor replicated. Returns until when.
 */
export async function sealCopy(
  db: Database,
  keyring: Keyring,
  copy: CopyOf & { readonly codes: readonly string[]; readonly ttlSeconds: number },
): Promise<Date> {
  const sealed = keyring.seal('copy', JSON.stringify(copy.codes), copyBinding(copy));
  const { expiresAt } = await db
    .insertInto('code_copies')
    .values({
      batchId: copy.batchId,
      sessionId: copy.sessionId,
      sealed: sealed.bytes,
      keyId: sealed.keyId,
      expiresAt: secondsFromNow(copy.ttlSeconds),
    })
    .returning('expiresAt')
    .executeTakeFirstOrThrow();
  return expiresAt;
}

/** Condition on `code_copies c`: a session may still take it. */
export const isAvailable = sql<boolean>`c.expires_at > sparekey_now()`;

/** The codes of a copy in the order of their positions; undefined where there is none, of this session, any more. */
export async function openCopy(db: Database, keyring: Keyring, copy: CopyOf): Promise<readonly string[] | undefined> {
  return await opened(db, keyring, { copy, condition: isAvailable });
}

/** The same for a mail that is under way, which holds the copy past its time. */
export async function openHeldCopy(
  db: Database,
  keyring: Keyring,
  copy: CopyOf,
): Promise<readonly string[] | undefined> {
  return await opened(db, keyring, { copy, condition: sql<boolean>`true` });
}

interface Opening {
  readonly copy: CopyOf;
  readonly condition: typeof isAvailable;
}

async function opened(db: Database, keyring: Keyring, { copy, condition }: Opening) {
  const { rows } = await sql<{ sealed: Buffer; keyId: string }>`
    select c.sealed, c.key_id from code_copies c
    where c.batch_id = ${copy.batchId} and c.session_id = ${copy.sessionId} and ${condition}
  `.execute(db);
  const [found] = rows;
  if (found === undefined) return undefined;
  const bytes = keyring.open('copy', { keyId: found.keyId, bytes: found.sealed }, copyBinding(copy));
  return JSON.parse(bytes) as readonly string[];
}

export function copyBinding({ batchId, sessionId }: CopyOf): { context: string; aad: string } {
  const name = `${sessionId}/${batchId}`;
  return { context: name, aad: name };
}

/** Wipes what is left of a batch's plaintext, whatever still waits for it. */
export async function wipeCopy(db: Database, batchId: string): Promise<void> {
  await sql`delete from code_copies where batch_id = ${batchId}`.execute(db);
}

/** Condition on the table of copies, by the name that it has in a statement: no mail that is under way holds it. */
export function isUnheld(copies = 'code_copies'): RawBuilder<boolean> {
  return sql<boolean>`not exists (select from code_mails m where m.batch_id = ${sql.ref(`${copies}.batch_id`)})`;
}

/** Wipes a copy that nobody can use any more: used up both ways, past its time, or of a session that is over. */
export async function wipeUselessCopy(db: Database, batchId: string): Promise<void> {
  await sql`
    delete from code_copies using recovery_code_batches b
    where code_copies.batch_id = ${batchId} and b.id = code_copies.batch_id and ${isUnheld()} and (
      (b.exported_at is not null and b.emailed_at is not null) or code_copies.expires_at <= sparekey_now()
      or not exists (
        select from sessions s
        where s.id = code_copies.session_id and ${isLiveSession}))
  `.execute(db);
}
