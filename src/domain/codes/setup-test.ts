import { sql } from 'kysely';
import { v7 as newId } from 'uuid';
import type { Database } from '../database.js';
import { auditSource } from '../events/audit-of.js';
import type { AuditDraft } from '../events/record-events.js';

export interface SetupTest {
  readonly accountId: string;
  readonly batchId: string;
  readonly hash: Buffer;
  readonly audit: AuditDraft;
}

export interface SetupState {
  readonly setupVerifiedAt: Date | null;
  readonly hasActiveBatch: boolean;
}

/** Whether the account proved already that its codes work, and whether it has any that could. */
export async function setupState(db: Database, accountId: string): Promise<SetupState> {
  const { rows } = await sql<SetupState>`
    select a.setup_verified_at, exists (
      select from recovery_code_batches b
      where b.account_id = a.id and b.status = 'ACTIVE' and (b.expires_at is null or b.expires_at > sparekey_now())
    ) as has_active_batch
    from accounts a where a.id = ${accountId}
  `.execute(db);
  return rows[0] ?? { setupVerifiedAt: null, hasActiveBatch: false };
}

/** Marks the set-up as verified if the code would be accepted now. Spends nothing; a failed test marks nothing. */
export async function verifySetup(db: Database, test: SetupTest): Promise<Date | undefined> {
  const { rows } = await sql<{ setupVerifiedAt: Date }>`
    with verified as (
      update accounts a set setup_verified_at = sparekey_now()
      where a.id = ${test.accountId} and a.setup_verified_at is null and exists (
        select from recovery_codes code join recovery_code_batches b on b.id = code.batch_id
        where code.batch_id = ${test.batchId} and code.hash = ${test.hash} and code.status = 'ACTIVE'
          and b.status = 'ACTIVE' and (b.expires_at is null or b.expires_at > sparekey_now()))
      returning a.id, a.setup_verified_at
    ), audited as (
      insert into audit_events (id, action, account_id, batch_id, actor_id, session_id, method, ip_address, user_agent)
      select ${newId()}::uuid, 'SETUP_VERIFIED', verified.id, ${test.batchId}::uuid, ${auditSource(test.audit)}
      from verified
    )
    select setup_verified_at from verified
  `.execute(db);
  return rows[0]?.setupVerifiedAt;
}
