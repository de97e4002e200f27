import { defineEntity, p } from '@mikro-orm/core';
import { createdAt, id } from './columns.js';

/**
 * What happened, once and for all: the database refuses DELETE but for the cleanup, and every UPDATE but one that only
 * raises `count` on a folded event. Ids are plain columns, so that deleting a person changes no event.
 */
export const AuditEventSchema = defineEntity({
  name: 'AuditEvent',
  tableName: 'audit_events',
  properties: {
    id: id(),
    action: p.text(),
    createdAt: createdAt(),
    actorId: p.uuid().nullable(),
    accountId: p.uuid().nullable(),
    batchId: p.uuid().nullable(),
    codeId: p.uuid().nullable(),
    issuedCount: p.integer().nullable(),
    removedCount: p.integer().nullable(),
    reason: p.text().nullable(),
    ipAddress: p.text().nullable(),
    userAgent: p.text().nullable(),
    method: p.text().nullable(),
    sessionId: p.uuid().nullable(),
    serviceKeyId: p.uuid().nullable(),
    count: p.integer().default(1),
    /** Same key, same window: one event with a count. */
    foldKey: p.blob().nullable().hidden().lazy(),
  },
  triggers: [
    {
      name: 'audit_events_guard',
      timing: 'before',
      events: ['update', 'delete'],
      expression: `create trigger audit_events_guard before update or delete on audit_events
  for each row execute function audit_events_guard()`,
    },
  ],
  uniques: [{ name: 'audit_events_fold_key_unique', properties: ['foldKey'] }],
  indexes: [
    { name: 'audit_events_created_at_index', properties: ['createdAt', 'id'] },
    { name: 'audit_events_account_id_index', properties: ['accountId', 'createdAt', 'id'] },
    { name: 'audit_events_action_index', properties: ['action', 'createdAt', 'id'] },
    {
      name: 'audit_events_batch_id_index',
      expression: `create index audit_events_batch_id_index on audit_events (batch_id, created_at, id) where batch_id is not null`,
    },
  ],
});
