import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { v7 as newId } from 'uuid';
import type { SignInMethod } from '../access/viewer.js';
import type { Database } from '../database.js';
import type { AuditAction } from './audit-actions.js';
import type { OutboxDraft } from './outbox-topics.js';

/** What is known of an event before it is one. Nothing typed by a caller, and no secret, ever goes in. */
export interface AuditDraft {
  readonly actorId?: string | undefined;
  readonly accountId?: string | undefined;
  readonly batchId?: string | undefined;
  readonly codeId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly method?: SignInMethod | undefined;
  readonly ipAddress?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly issuedCount?: number | undefined;
  readonly removedCount?: number | undefined;
  readonly reason?: string | undefined;
}

export interface AuditEntry extends AuditDraft {
  readonly action: AuditAction;
  /** Events with the same key in the same hour (or day) are one event with a count, so that a flood stays small. */
  readonly fold?: { readonly key: Buffer; readonly by: 'hour' | 'day' } | undefined;
}

/** Writes the events, and what is to be delivered because of them, in one statement of the given transaction. */
export async function recordEvents(
  db: Database,
  events: readonly AuditEntry[],
  messages: readonly OutboxDraft[] = [],
): Promise<void> {
  await sql`
    with audited as (
      insert into audit_events (id, action, actor_id, account_id, batch_id, code_id, session_id, method, ip_address,
        user_agent, issued_count, removed_count, reason, fold_key)
      select id, action, actor_id, account_id, batch_id, code_id, session_id, method, ip_address,
        user_agent, issued_count, removed_count, reason,
        sha256(convert_to(fold || extract(epoch from date_trunc(fold_by, sparekey_now(), 'UTC'))::bigint, 'UTF8'))
      from jsonb_to_recordset(${JSON.stringify(events.map(auditRow))}) as event(
        id uuid, action text, actor_id uuid, account_id uuid, batch_id uuid, code_id uuid, session_id uuid, method text,
        ip_address text, user_agent text, issued_count int, removed_count int, reason text, fold text, fold_by text)
      on conflict (fold_key) do update set count = audit_events.count + 1
    )
    insert into outbox (id, topic, payload, unique_key, sealed)
    select id, topic, payload, unique_key, decode(sealed, 'base64')
    from jsonb_to_recordset(${JSON.stringify(messages.map(outboxRow))}) as message(
      id uuid, topic text, payload jsonb, unique_key text, sealed text)
    on conflict (unique_key) do nothing
  `.execute(db);
}

/** The fold of what one caller does without an account, or under one key: by what makes it the same. */
export function foldKey(...parts: readonly string[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest();
}

function auditRow(event: AuditEntry): Record<string, unknown> {
  return {
    id: newId(),
    action: event.action,
    actor_id: event.actorId,
    account_id: event.accountId,
    batch_id: event.batchId,
    code_id: event.codeId,
    session_id: event.sessionId,
    method: event.method,
    ip_address: event.ipAddress,
    user_agent: event.userAgent,
    issued_count: event.issuedCount,
    removed_count: event.removedCount,
    reason: event.reason,
    fold: event.fold && `${event.action}/${event.fold.key.toString('hex')}/`,
    fold_by: event.fold?.by,
  };
}

function outboxRow(message: OutboxDraft): Record<string, unknown> {
  return {
    id: message.sealed?.id ?? newId(),
    topic: message.topic,
    payload: message.payload,
    unique_key: message.uniqueKey,
    sealed: message.sealed?.bytes.toString('base64'),
  };
}
