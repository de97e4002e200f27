import { sql } from 'kysely';
import { v7 as newId } from 'uuid';
import type { Database } from '../database.js';
import type { OutboxTopics } from './outbox-topics.js';

/** A message that one relay has taken: nobody else delivers it while its lease lasts. */
export type OutboxMessage = {
  [Topic in keyof OutboxTopics]: {
    readonly id: string;
    readonly topic: Topic;
    readonly payload: OutboxTopics[Topic];
    readonly sealed: Buffer | null;
    readonly attempts: number;
    /** Proves that the lease is still this taker's. */
    readonly lease: string;
  };
}[keyof OutboxTopics];

const LEASE_SECONDS = 180;
/** How often a message is tried before it is given up. */
export const MAX_ATTEMPTS = 16;

/** Takes the messages that are due, oldest first; several relays take different ones. */
export async function takeDueMessages(db: Database, limit: number): Promise<readonly OutboxMessage[]> {
  const lease = newId();
  const { rows } = await sql<OutboxMessage>`
    update outbox set attempts = attempts + 1, lease = ${lease}::uuid,
      due_at = sparekey_now() + make_interval(secs => ${LEASE_SECONDS})
    where id in (
      select id from outbox where delivered_at is null and failed_at is null and due_at <= sparekey_now()
      order by due_at limit ${limit} for update skip locked)
    returning id, topic, payload, sealed, attempts, lease
  `.execute(db);
  // Ids grow with time; UPDATE returns in whatever order it went.
  return rows.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** Makes messages due again that were taken and not tried. */
export async function giveBack(db: Database, messages: readonly OutboxMessage[]): Promise<void> {
  const [ids, leases] = [messages.map(({ id }) => id), messages.map(({ lease }) => lease)];
  await sql`
    update outbox set due_at = sparekey_now(), attempts = attempts - 1, lease = null
    where id = any(${ids}::uuid[]) and lease = any(${leases}::uuid[]) and delivered_at is null
  `.execute(db);
}

/** What names a person beside the account's id. It is of no use once there is nothing more to deliver. */
const withoutAddresses = sql`payload - 'email' - 'newEmail'`;

/** Notes a delivery and wipes the secret that the message carried, and addresses. */
export async function noteDelivered(db: Database, message: OutboxMessage): Promise<void> {
  await sql`
    update outbox set delivered_at = sparekey_now(), sealed = null, payload = ${withoutAddresses}, last_error = null
    where id = ${message.id}
  `.execute(db);
}

/** Puts a message off: 5 s, 10 s, 20 s … up to 6 h; gives it up after about a day, or at once. */
export async function noteFailed(
  db: Database,
  message: OutboxMessage,
  { isPermanent, phrase }: { readonly isPermanent: boolean; readonly phrase: string },
): Promise<void> {
  const isFinal = isPermanent || message.attempts >= MAX_ATTEMPTS;
  const delaySeconds = Math.min(5 * 2 ** (message.attempts - 1), 21_600);
  await sql`
    update outbox set last_error = ${phrase}, due_at = sparekey_now() + make_interval(secs => ${delaySeconds}),
      failed_at = case when ${isFinal}::boolean then sparekey_now() end,
      sealed = case when ${isFinal}::boolean then null else sealed end,
      payload = case when ${isFinal}::boolean then ${withoutAddresses} else payload end
    where id = ${message.id} and lease = ${message.lease}::uuid and delivered_at is null
  `.execute(db);
}

/** How many messages wait for their delivery. */
export async function pendingMessages(db: Database): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from outbox where delivered_at is null and failed_at is null
  `.execute(db);
  return rows[0]?.count ?? 0;
}
