import { sql } from 'kysely';
import { v7 as newId } from 'uuid';
import type { SignInMethod } from '../access/viewer.js';
import type { Database } from '../database.js';
import { type BatchRow, type Batch, toBatch } from './batch.js';
import { batchColumns, codesLeft } from './batch-columns.js';

export interface Spend {
  readonly batchId: string;
  readonly hash: Buffer;
  readonly actorId: string;
  readonly sessionId: string | undefined;
  readonly method: SignInMethod | undefined;
  readonly ipAddress: string | undefined;
  readonly userAgent: string | undefined;
}

/**
 * Spends one code, exactly once, in one statement: locks the batch if it is active and unexpired, marks the code used
 * if it is active still, counts it on the batch row (never by counting codes, which is wrong under concurrency), and
 * writes the audit events and the outbox row. Returns the batch after it, or undefined when nothing was accepted:
 * wrong, used, expired, revoked or unknown, all by the same work. Lock order: batch, code.
 */
export async function spendCode(db: Database, spend: Spend): Promise<Batch | undefined> {
  const ipAddress = spend.ipAddress ?? null;
  const userAgent = spend.userAgent ?? null;
  const { rows } = await sql<BatchRow>`
    with batch as materialized (
      select id from recovery_code_batches
      where id = ${spend.batchId} and status = 'ACTIVE' and (expires_at is null or expires_at > sparekey_now())
      for no key update
    ), spent as (
      update recovery_codes code set status = 'USED', used_at = sparekey_now()
      from batch
      where code.batch_id = batch.id and code.hash = ${spend.hash} and code.status = 'ACTIVE'
      returning code.id, code.batch_id
    ), counted as (
      update recovery_code_batches b set used_count = b.used_count + 1, updated_at = sparekey_now(),
        status = case when ${codesLeft('b')} = 1 then 'EXHAUSTED' else 'ACTIVE' end
      from spent where b.id = spent.batch_id
      returning ${batchColumns('b')}, ${codesLeft('b')} as remaining, spent.id as code_id
    ), audited as (
      insert into audit_events (id, action, actor_id, account_id, batch_id, code_id, session_id, method, ip_address, user_agent)
      select ${newId()}::uuid, 'CODE_USED', ${spend.actorId}::uuid, counted.account_id, counted.id, counted.code_id,
        ${spend.sessionId ?? null}::uuid, ${spend.method ?? null}, ${ipAddress}, ${userAgent} from counted
      union all
      select ${newId()}::uuid, 'BATCH_EXHAUSTED', ${spend.actorId}::uuid, counted.account_id, counted.id, null,
        ${spend.sessionId ?? null}::uuid, ${spend.method ?? null}, ${ipAddress}, ${userAgent} from counted
      where counted.status = 'EXHAUSTED'
    ), announced as (
      insert into outbox (id, topic, payload)
      select ${newId()}::uuid, 'code-used', jsonb_build_object('accountId', counted.account_id, 'batchId', counted.id, 'codeId', counted.code_id,
        'remaining', counted.remaining, 'isSignIn', ${spend.method === 'RECOVERY_CODE'}::boolean, 'at', sparekey_now(),
        'ipAddress', ${ipAddress}::text, 'userAgent', ${userAgent}::text)
      from counted
    )
    select ${batchColumns('counted')} from counted
  `.execute(db);
  return rows[0] && toBatch(rows[0]);
}
