import { sql } from 'kysely';
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

export function copyBinding({ batchId, sessionId }: CopyOf): { context: string; aad: string } {
  const name = `${sessionId}/${batchId}`;
  return { context: name, aad: name };
}

/** Wipes what is left of a batch's plaintext. */
export async function wipeCopy(db: Database, batchId: string): Promise<void> {
  await sql`delete from code_copies where batch_id = ${batchId}`.execute(db);
}
