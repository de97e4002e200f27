import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../database.js';
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

/**
 * Spends one code, exactly once, in one statement: locks the batch if it is active and unexpired, marks the code used
 * if it is active still, counts it on the batch row (never by counting codes, which is wrong under concurrency), and
 * writes the audit events and the outbox row. Returns the batch after it, or undefined when nothing was accepted:
 * wrong, used, expired, revoked or unknown, all by the same work. Lock order: batch, code.
 */
export async function spendCode(db: Database, { batchId, hash, isSignIn, source }: Spend): Promise<Batch | undefined> {
  const { rows } = await sql<BatchRow>`
    with batch as materialized (
      select id from recovery_code_batches
      where id = ${batchId} and status = 'ACTIVE' and (expires_at is null or expires_at > sparekey_now())
      for no key update
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
    select ${batchColumns('counted')} from counted
  `.execute(db);
  return rows[0] && toBatch(rows[0]);
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
