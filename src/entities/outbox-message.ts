import { defineEntity, p } from '@mikro-orm/core';
import { createdAt, id, timestamp } from './columns.js';

/** What must be sent or published because of a transaction: a row of that transaction, delivered after its commit. */
export const OutboxMessageSchema = defineEntity({
  name: 'OutboxMessage',
  tableName: 'outbox',
  properties: {
    id: id(),
    topic: p.text(),
    /** Ids and plain facts only. */
    payload: p.json().defaultRaw(`'{}'`),
    /** A secret that the message must carry (a mailed token), sealed; wiped on delivery. */
    sealed: p.blob().nullable().hidden().lazy(),
    /** At most one message ever under the same key. */
    uniqueKey: p.text().nullable(),
    createdAt: createdAt(),
    dueAt: createdAt(),
    attempts: p.integer().default(0),
    /** Of the relay that took it last. */
    lease: p.uuid().nullable(),
    deliveredAt: timestamp().nullable(),
    failedAt: timestamp().nullable(),
    lastError: p.text().nullable(),
  },
  uniques: [{ name: 'outbox_unique_key_unique', properties: ['uniqueKey'] }],
  indexes: [
    {
      name: 'outbox_due_index',
      expression: 'create index outbox_due_index on outbox (due_at) where delivered_at is null and failed_at is null',
    },
    {
      name: 'outbox_ended_at_index',
      expression: `create index outbox_ended_at_index on outbox (coalesce(delivered_at, failed_at), id)`,
    },
  ],
});
