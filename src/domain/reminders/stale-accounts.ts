import { type RawBuilder, sql } from 'kysely';
import { isNeverVerified } from '../cleanup/tasks/unverified-accounts.js';
import type { Database } from '../database.js';
import { remindOnce } from './remind-once.js';

/** As long as the outbox remembers at least that somebody was told. */
const REMEMBERED_DAYS = 7;

interface Days {
  readonly staleAccountDays: number;
  readonly staleReminderDays: number;
}

/**
 * Tells addresses that were never verified that their account goes in STALE_REMINDER_DAYS, once an account however often it
 * is called; returns how many. Whoever was not told within a week of that day, or was to go by now, is told no more.
 */
export async function remindOfStaleAccounts(
  db: Database,
  { staleAccountDays, staleReminderDays }: Days,
): Promise<number> {
  const dueAfter = staleAccountDays - staleReminderDays;
  const toldUntil = Math.min(staleAccountDays, dueAfter + REMEMBERED_DAYS);
  return await remindOnce(db, {
    topic: 'registration-expiring',
    payload: sql`jsonb_build_object('accountId', t.id, 'endsAt', t.created_at + ${days(staleAccountDays)})`,
    id: sql`t.id`,
    due: sql`
      from accounts t
      where ${isNeverVerified} and t.created_at <= sparekey_now() - ${days(dueAfter)}
        and t.created_at > sparekey_now() - ${days(toldUntil)}`,
    order: sql`t.created_at`,
  });
}

function days(count: number): RawBuilder<unknown> {
  return sql`make_interval(hours => 24 * ${count}::int)`;
}
