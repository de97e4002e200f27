import { sql } from 'kysely';
import type { Database } from '../database.js';

const TOLD_DAYS = 7;
const CHUNK = 1_000;

/** Tells owners of codes that stop working within 7 days, once a batch however often it is called; returns how many. */
export async function remindOfExpiringCodes(db: Database): Promise<number> {
  let told = 0;
  for (let more = CHUNK; more === CHUNK; told += more) more = await remindSome(db);
  return told;
}

async function remindSome(db: Database): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    with told as (
      insert into outbox (id, topic, payload, unique_key)
      select gen_random_uuid(), 'codes-expiring', jsonb_build_object('accountId', b.account_id, 'batchId', b.id),
        'codes-expiring/' || b.id
      from recovery_code_batches b
      where b.status = 'ACTIVE' and b.account_id is not null and b.expires_at > sparekey_now()
        and b.expires_at <= sparekey_now() + make_interval(days => ${TOLD_DAYS})
        and not exists (select from outbox o where o.unique_key = 'codes-expiring/' || b.id)
      order by b.expires_at limit ${CHUNK}
      on conflict (unique_key) do nothing returning 1
    )
    select count(*)::int as count from told
  `.execute(db);
  return rows[0]?.count ?? 0;
}
