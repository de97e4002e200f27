import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../database.js';
import type { OutboxTopic } from '../events/outbox-topics.js';

/** Who is told what, in words of SQL about rows of one table. */
export interface Reminder {
  readonly topic: OutboxTopic;
  readonly payload: RawBuilder<unknown>;
  /** Of the row: it is told of once. */
  readonly id: RawBuilder<string>;
  /** `from … where …`: the rows that it is time for. */
  readonly due: RawBuilder<unknown>;
  /** By when it was, or will be. */
  readonly order: RawBuilder<unknown>;
}

const CHUNK = 1_000;

/** Tells of each row that is due, once for as long as the outbox remembers it; returns of how many. */
export async function remindOnce(db: Database, reminder: Reminder): Promise<number> {
  let told = 0;
  for (let more = CHUNK; more === CHUNK; told += more) more = await remindSome(db, reminder);
  return told;
}

async function remindSome(db: Database, { topic, payload, id, due, order }: Reminder): Promise<number> {
  const key = sql`${sql.lit(`${topic}/`)} || ${id}`;
  const { rows } = await sql<{ count: number }>`
    with told as (
      insert into outbox (id, topic, payload, unique_key)
      select gen_random_uuid(), ${sql.lit(topic)}, ${payload}, ${key}
      ${due} and not exists (select from outbox o where o.unique_key = ${key})
      order by ${order} limit ${CHUNK}
      on conflict (unique_key) do nothing returning 1
    )
    select count(*)::int as count from told
  `.execute(db);
  return rows[0]?.count ?? 0;
}
