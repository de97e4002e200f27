import { type RawBuilder, sql } from 'kysely';
import { isSessionOn } from '../accounts/sessions.js';
import type { Database } from '../database.js';
import { UnauthenticatedError } from '../errors.js';
import type { EventSource } from '../events/event-source.js';
import { raisedWithin } from '../events/raised-within.js';
import { type BatchRow, type Batch, toBatch } from './batch.js';
import { batchColumns, codesLeft } from './batch-columns.js';

export interface Spend {
  readonly batchId: string;
  readonly hash: Buffer;
  readonly isSignIn: boolean;
  readonly source: EventSource;
}

interface SpentRow extends BatchRow {
  /** Where it is not, the rest of the row is empty. */
  readonly isOn: boolean;
}

/**
 * Spends one code, exactly once, in one statement: locks the batch if it is active and unexpired, marks the code used
 * if it is active still, counts it on the batch row (never by counting codes, which is wrong under concurrency), and
 * writes the audit events and the outbox row. Returns the batch after it, or undefined when nothing was accepted:
 * wrong, used, expired, revoked or unknown, all by the same work. Lock order: batch, code.
 * @throws UnauthenticatedError where the session that spends it has ended
 */
export async function spendCode(db: Database, { batchId, hash, isSignIn, source }: Spend): Promise<Batch | undefined> {
  // Signing in opens its session only then.
  const isOn = isSignIn ? sql<boolean>`true` : isSessionOn(source);
  const { rows } = await sql<SpentRow>`
    with session as materialized (
      select ${isOn} as is_on
    ), batch as materialized (
      select b.id from recovery_code_batches b, session
      where b.id = ${batchId} and b.status = 'ACTIVE' and (b.expires_at is null or b.expires_at > sparekey_now())
        and session.is_on
      for no key update of b
    ), spent as (
      update recovery_codes code set status = 'USED', used_at = sparekey_now()
      from batch
      where code.batch_id = batch.id and code.hash = ${hash} and code.status = 'ACTIVE'
      returning code.id, code.batch_id
    ), counted as (
      update recovery_code_batches b set used_count = b.used_count + 1, updated_at = sparekey_now(),
        status = case when ${codesLeft('b')} = 1 then 'EXHAUSTED' else 'ACTIVE' end
      from spent where b.id = spent.batch_id
      returning ${batchColumns('b')}, ${codesLeft('b')} as remaining, spent.id as code_id
    ), ${spent(isSignIn, source)}
    select ${batchColumns('counted')}, session.is_on from session left join counted on true
    where counted.id is not null or not session.is_on
  `.execute(db);
  const [row] = rows;
  if (row?.isOn === false) throw new UnauthenticatedError();
  return row && toBatch(row);
}

function spent(isSignIn: boolean, source: EventSource): RawBuilder<unknown> {
  const [accountId, batchId] = [sql`counted.account_id`, sql`counted.id`];
  const isSaid = sql`${isSignIn}::boolean`;
  return raisedWithin(
    source,
    {
      action: 'CODE_USED',
      from: sql`counted`,
      facts: { accountId, batchId, codeId: sql`counted.code_id`, remaining: sql`counted.remaining`, isSignIn: isSaid },
    },
    { action: 'BATCH_EXHAUSTED', from: sql`counted where counted.status = 'EXHAUSTED'`, facts: { accountId, batchId } },
  );
}
