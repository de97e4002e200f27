import { sql } from 'kysely';
import { v7 as newId } from 'uuid';
import type { Database } from '../database.js';
import { auditSource } from '../events/audit-of.js';
import type { AuditDraft } from '../events/record-events.js';
import { type BatchRow, type Batch, toBatch } from './batch.js';
import { batchColumns, codesLeft } from './batch-columns.js';

export interface Spend {
  readonly batchId: string;
  readonly hash: Buffer;
  readonly isSignIn: boolean;
  readonly audit: AuditDraft;
}

/**
 * Spends one code, exactly once, in one statement: locks the batch if it is active and unexpired, marks the code used
 * if it is active still, counts it on the batch row (never by counting codes, which is wrong under concurrency), and
 * writes the audit events and the outbox row. Returns the batch after it, or undefined when nothing was accepted:
 * wrong, used, expired, revoked or unknown, all by the same work. Lock order: batch, code.
 */
export async function spendCode(db: Database, { batchId, hash, isSignIn, audit }: Spend): Promise<Batch | undefined> {
  const source = auditSource(audit);
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
    ), audited as (
      insert into audit_events
        (id, action, account_id, batch_id, code_id, actor_id, session_id, method, ip_address, user_agent)
      select event.id, event.action, counted.account_id, counted.id, event.code_id, ${source}
      from counted, lateral (values
        (${newId()}::uuid, 'CODE_USED', counted.code_id, true),
        (${newId()}::uuid, 'BATCH_EXHAUSTED', null, counted.status = 'EXHAUSTED')
      ) event(id, action, code_id, is_so)
      where event.is_so
    ), announced as (
      insert into outbox (id, topic, payload)
      select ${newId()}::uuid, 'code-used', jsonb_build_object('accountId', counted.account_id, 'batchId', counted.id,
        'codeId', counted.code_id, 'remaining', counted.remaining, 'isSignIn', ${isSignIn}::boolean,
        'at', sparekey_now(), 'ipAddress', ${audit.ipAddress ?? null}::text, 'userAgent', ${audit.userAgent ?? null}::text)
      from counted
    )
    select ${batchColumns('counted')} from counted
  `.execute(db);
  return rows[0] && toBatch(rows[0]);
}
