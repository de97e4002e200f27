import { sql } from 'kysely';
import type { Database } from '../database.js';
import { remindOnce } from './remind-once.js';

const TOLD_DAYS = 7;

/** Tells owners of codes that stop working within 7 days, once a batch however often it is called; returns how many. */
export async function remindOfExpiringCodes(db: Database): Promise<number> {
  return await remindOnce(db, {
    topic: 'codes-expiring',
    payload: sql`jsonb_build_object('accountId', b.account_id, 'batchId', b.id)`,
    id: sql`b.id`,
    due: sql`
      from recovery_code_batches b
      where b.status = 'ACTIVE' and b.account_id is not null and b.expires_at > sparekey_now()
        and b.expires_at <= sparekey_now() + make_interval(days => ${TOLD_DAYS})`,
    order: sql`b.expires_at`,
  });
}
