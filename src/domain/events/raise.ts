import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { v7 as newId } from 'uuid';
import type { Database } from '../database.js';
import { type AuditFacts, deliveriesOf, type EventAction, eventList, type FactsOf } from './event-list.js';
import type { EventSource } from './event-source.js';
import type { OutboxDraft, OutboxTopic } from './outbox-topics.js';

/** Events with the same key in the same hour (or day) are one event with a count, so that a flood stays small. */
export interface Fold {
  readonly key: Buffer;
  readonly by: 'hour' | 'day';
}

/** One event: what happened, by whom, and what is to be said of it. */
export type EventDraft = {
  readonly [Action in EventAction]: EventSource &
    FactsOf<Action> & { readonly action: Action; readonly fold?: Fold | undefined };
}[EventAction];

interface Told {
  readonly topic: OutboxTopic;
  readonly payload: object;
  /** It is told when and from where. */
  readonly isOccasion: boolean;
  readonly uniqueKey?: string | undefined;
  readonly sealed?: { readonly id: string; readonly bytes: Buffer } | undefined;
}

/**
 * Raises events in the given transaction, in one statement: their audit rows are written there and then, and the outbox
 * gets what is delivered because of them, and `messages` beside it.
 */
export async function raise(
  db: Database,
  events: readonly EventDraft[],
  messages: readonly OutboxDraft[] = [],
): Promise<void> {
  const told = [...events.flatMap(tellingsOf), ...messages.map((message) => ({ ...message, isOccasion: false }))];
  await sql`
    with audited as (
      insert into audit_events (id, action, actor_id, account_id, batch_id, code_id, session_id, service_key_id, method,
        ip_address, user_agent, issued_count, removed_count, reason, fold_key)
      select id, action, actor_id, account_id, batch_id, code_id, session_id, service_key_id, method,
        ip_address, user_agent, issued_count, removed_count, reason,
        sha256(convert_to(fold || extract(epoch from date_trunc(fold_by, sparekey_now(), 'UTC'))::bigint, 'UTF8'))
      from jsonb_to_recordset(${JSON.stringify(events.map(auditRow))}) as event(
        id uuid, action text, actor_id uuid, account_id uuid, batch_id uuid, code_id uuid, session_id uuid,
        service_key_id uuid, method text,
        ip_address text, user_agent text, issued_count int, removed_count int, reason text, fold text, fold_by text)
      on conflict (fold_key) do update set count = audit_events.count + 1
    )
    insert into outbox (id, topic, payload, unique_key, sealed)
    select id, topic, payload || case when is_occasion then jsonb_build_object('at', sparekey_now()) else '{}' end,
      unique_key, decode(sealed, 'base64')
    from jsonb_to_recordset(${JSON.stringify(told.map(outboxRow))}) as message(
      id uuid, topic text, payload jsonb, is_occasion boolean, unique_key text, sealed text)
    on conflict (unique_key) do nothing
  `.execute(db);
}

/** The fold of what one caller does without an account, or under one key: by what makes it the same. */
export function foldKey(...parts: readonly string[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest();
}

function auditRow(event: EventDraft): Record<string, unknown> {
  const facts = event as Partial<AuditFacts>;
  const said = new Set<string>(eventList[event.action].audit);
  const fact = (name: keyof AuditFacts) => (said.has(name) ? facts[name] : undefined);
  return {
    id: newId(),
    action: event.action,
    actor_id: event.actorId,
    account_id: fact('accountId'),
    batch_id: fact('batchId'),
    code_id: fact('codeId'),
    session_id: event.sessionId,
    service_key_id: event.serviceKeyId,
    method: event.method,
    ip_address: event.ipAddress,
    user_agent: event.userAgent,
    issued_count: fact('issuedCount'),
    removed_count: fact('removedCount'),
    reason: fact('reason'),
    fold: event.fold && `${event.action}/${event.fold.key.toString('hex')}/`,
    fold_by: event.fold?.by,
  };
}

/** What is delivered because of an event. */
function tellingsOf(event: EventDraft): Told[] {
  return [...toldToAdmins(event), ...toldOfAccount(event)];
}

function toldToAdmins(event: EventDraft): Told[] {
  const { adminNotice: what } = deliveriesOf(event.action);
  if (what === undefined || !('about' in event)) return [];
  const { about, actorId = null, ipAddress = null, userAgent = null } = event;
  return [{ topic: 'admin-notice', payload: { what, about, actorId, ipAddress, userAgent }, isOccasion: true }];
}

/** Nothing where there is nobody (any more) to tell. */
function toldOfAccount(event: EventDraft): Told[] {
  const { notice, push } = deliveriesOf(event.action);
  const {
    action: _,
    fold: _fold,
    actorId,
    sessionId: _id,
    serviceKeyId: _key,
    method: _method,
    ipAddress,
    userAgent,
    ...facts
  } = event;
  if (!('accountId' in facts) || typeof facts.accountId !== 'string') return [];
  const told: Told[] = [];
  if (notice !== undefined) {
    const place = placeOf({ actorId, ipAddress, userAgent }, facts.accountId);
    told.push({ topic: notice, payload: { ...facts, ...place }, isOccasion: true });
  }
  if (push !== undefined) told.push({ topic: push, payload: facts, isOccasion: false });
  return told;
}

/** From where, as the account may know it: where an admin acted from is not the owner's business. */
function placeOf({ actorId, ipAddress, userAgent }: EventSource, accountId: string) {
  const isOwnDoing = actorId === undefined || actorId === accountId;
  return isOwnDoing
    ? { ipAddress: ipAddress ?? null, userAgent: userAgent ?? null }
    : { ipAddress: null, userAgent: null };
}

function outboxRow({ topic, payload, isOccasion, uniqueKey, sealed }: Told): Record<string, unknown> {
  return {
    id: sealed?.id ?? newId(),
    topic,
    payload,
    is_occasion: isOccasion,
    unique_key: uniqueKey,
    sealed: sealed?.bytes.toString('base64'),
  };
}
