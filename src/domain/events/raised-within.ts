import { type RawBuilder, sql } from 'kysely';
import { v7 as newId } from 'uuid';
import { type AuditFacts, deliveriesOf, type EventAction, eventList, type FactsOf } from './event-list.js';
import { type EventSource, sourceColumns } from './event-source.js';
import type { OutboxTopic } from './outbox-topics.js';

/** An event that a larger statement raises, once for each row of `from` (some of its own tables). */
export type RaisedWithin = {
  readonly [Action in EventAction]: {
    readonly action: Action;
    readonly from: RawBuilder<unknown>;
    /** Every fact, in words of SQL about that row. */
    readonly facts: { readonly [Fact in keyof FactsOf<Action>]-?: RawBuilder<unknown> };
    /** There may be more than one row. */
    readonly isMany?: boolean;
  };
}[EventAction];

const AUDIT_COLUMNS: Readonly<Record<keyof AuditFacts, string>> = {
  accountId: 'account_id',
  batchId: 'batch_id',
  codeId: 'code_id',
  issuedCount: 'issued_count',
  removedCount: 'removed_count',
  reason: 'reason',
};

/**
 * Raises events as part of a larger statement, as `raise` does by one of its own: common table expressions, for what has
 * to be one statement.
 */
export function raisedWithin(source: EventSource, ...events: readonly RaisedWithin[]): RawBuilder<unknown> {
  return sql.join(
    events.flatMap((event, n) => expressionsOf(source, event, n)),
    sql`, `,
  );
}

function expressionsOf(source: EventSource, event: RaisedWithin, n: number): RawBuilder<unknown>[] {
  const { notice, push } = deliveriesOf(event.action);
  const expressions = [sql`${sql.ref(`audited_${n}`)} as (${auditedBy(source, event)})`];
  if (notice !== undefined) {
    expressions.push(sql`${sql.ref(`noticed_${n}`)} as (${toldBy(event, notice, occasion(source, event))})`);
  }
  if (push !== undefined) expressions.push(sql`${sql.ref(`pushed_${n}`)} as (${toldBy(event, push)})`);
  return expressions;
}

function auditedBy(source: EventSource, event: RaisedWithin): RawBuilder<unknown> {
  const said = eventList[event.action].audit as readonly (keyof AuditFacts)[];
  const facts = event.facts as Readonly<Record<string, RawBuilder<unknown>>>;
  const columns = said.map((name) => sql.ref(AUDIT_COLUMNS[name]));
  return sql`
    insert into audit_events (id, action, ${sql.join(columns)}, actor_id, session_id, service_key_id, method, ip_address, user_agent)
    select ${idFor(event)}, ${sql.lit(event.action)}, ${sql.join(said.map((name) => facts[name]))}, ${sourceColumns(source)}
    from ${event.from}
  `;
}

function toldBy(event: RaisedWithin, topic: OutboxTopic, more: RawBuilder<unknown> = sql``): RawBuilder<unknown> {
  const facts = Object.entries<RawBuilder<unknown>>(event.facts).map(
    ([name, value]) => sql`${sql.lit(name)}, ${value}`,
  );
  return sql`
    insert into outbox (id, topic, payload)
    select ${idFor(event)}, ${sql.lit(topic)}, jsonb_build_object(${sql.join(facts)}${more}) from ${event.from}
  `;
}

/** When and from where; where somebody else acted from is not the account's business. */
function occasion({ actorId, ipAddress, userAgent }: EventSource, { facts }: RaisedWithin): RawBuilder<unknown> {
  const { accountId } = facts as { readonly accountId: RawBuilder<unknown> };
  const told = (value: string | undefined) =>
    sql`case when coalesce(${accountId} = ${actorId ?? null}::uuid, true) then ${value ?? null}::text end`;
  return sql`, 'at', sparekey_now(), 'ipAddress', ${told(ipAddress)}, 'userAgent', ${told(userAgent)}`;
}

function idFor({ isMany = false }: RaisedWithin): RawBuilder<unknown> {
  return isMany ? sql`gen_random_uuid()` : sql`${newId()}::uuid`;
}
