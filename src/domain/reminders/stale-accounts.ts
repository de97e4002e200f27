import { sql } from 'kysely';
import { isNeverVerified } from '../cleanup/tasks/unverified-accounts.js';
import type { Database } from '../database.js';

/** As long as the outbox remembers at least that somebody was told. */
const REMEMBERED_DAYS = 7;
const CHUNK = 1_000;

interface Days {
  readonly staleAccountDays: number;
  readonly staleReminderDays: number;
}

/**
 * Tells addresses that were never verified that their account goes in STALE_REMINDER_DAYS, once an account however often it
 * is called; returns how many. Whoever was not told within a week of that day, or was to go by now, is told no more.
 */
export async function remindOfStaleAccounts(db: Database, days: Days): Promise<number> {
  let told = 0;
  for (let more = CHUNK; more === CHUNK; told += more) more = await remindSome(db, days);
  return told;
}

async function remindSome(db: Database, { staleAccountDays, staleReminderDays }: Days): Promise<number> {
  const dueAfter = staleAccountDays - staleReminderDays;
  const toldUntil = Math.min(staleAccountDays, dueAfter + REMEMBERED_DAYS);
  const { rows } = await sql<{ count: number }>`
    with told as (
      insert into outbox (id, topic, payload, unique_key)
      select gen_random_uuid(), 'registration-expiring',
        jsonb_build_object('accountId', t.id, 'endsAt', t.created_at + make_interval(hours => 24 * ${staleAccountDays}::int)),
        'registration-expiring/' || t.id
      from accounts t
      where ${isNeverVerified} and t.created_at <= sparekey_now() - make_interval(hours => 24 * ${dueAfter}::int)
        and t.created_at > sparekey_now() - make_interval(hours => 24 * ${toldUntil}::int)
        and not exists (select from outbox o where o.unique_key = 'registration-expiring/' || t.id)
      order by t.created_at limit ${CHUNK}
      on conflict (unique_key) do nothing returning 1
    )
    select count(*)::int as count from told
  `.execute(db);
  return rows[0]?.count ?? 0;
}
