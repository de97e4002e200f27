import { sql } from 'kysely';
import { isSessionOn } from '../accounts/sessions.js';
import type { Database } from '../database.js';
import { UnauthenticatedError } from '../errors.js';
import type { EventSource } from '../events/event-source.js';
import { raisedWithin } from '../events/raised-within.js';

export interface SetupTest {
  readonly accountId: string;
  readonly batchId: string;
  readonly hash: Buffer;
  readonly source: EventSource;
}

export interface SetupState {
  readonly setupVerifiedAt: Date | null;
  readonly hasActiveBatch: boolean;
}

/**
 * Whether the account proved already that its codes work, and whether it has any that could.
 * @throws UnauthenticatedError where the session that asks has ended
 */
export async function setupState(
  db: Database,
  { accountId, source }: Pick<SetupTest, 'accountId' | 'source'>,
): Promise<SetupState> {
  const { rows } = await sql<SetupState & { isOn: boolean }>`
    select ${isSessionOn(source)} as is_on, a.setup_verified_at, exists (
      select from recovery_code_batches b
      where b.account_id = a.id and b.status = 'ACTIVE' and (b.expires_at is null or b.expires_at > sparekey_now())
    ) as has_active_batch
    from accounts a where a.id = ${accountId}
  `.execute(db);
  const [state] = rows;
  if (state?.isOn === false) throw new UnauthenticatedError();
  return state ?? { setupVerifiedAt: null, hasActiveBatch: false };
}

/** Marks the set-up as verified if the code would be accepted now. Spends nothing; a failed test marks nothing. */
export async function verifySetup(db: Database, test: SetupTest): Promise<Date | undefined> {
  const facts = { accountId: sql`verified.id`, batchId: sql`${test.batchId}::uuid` };
  const { rows } = await sql<{ setupVerifiedAt: Date }>`
    with verified as (
      update accounts a set setup_verified_at = sparekey_now()
      where a.id = ${test.accountId} and a.setup_verified_at is null and ${isSessionOn(test.source)} and exists (
        select from recovery_codes code join recovery_code_batches b on b.id = code.batch_id
        where code.batch_id = ${test.batchId} and code.hash = ${test.hash} and code.status = 'ACTIVE'
          and b.status = 'ACTIVE' and (b.expires_at is null or b.expires_at > sparekey_now()))
      returning a.id, a.setup_verified_at
    ), ${raisedWithin(test.source, { action: 'SETUP_VERIFIED', from: sql`verified`, facts })}
    select setup_verified_at from verified
  `.execute(db);
  return rows[0]?.setupVerifiedAt;
}
