import { defineEntity, p } from '@mikro-orm/core';
import { createdAt, id, timestamp } from './columns.js';

/** One mail and what became of it. Its template is named; its text is nowhere. */
export const EmailLogEntrySchema = defineEntity({
  name: 'EmailLogEntry',
  tableName: 'email_log',
  properties: {
    id: id(),
    /** The same for every attempt at one mail. */
    key: p.text(),
    template: p.text(),
    recipient: p.text(),
    sender: p.text(),
    subject: p.text(),
    status: p.text(),
    attempts: p.integer().default(0),
    /** A fixed phrase. */
    error: p.text().nullable(),
    createdAt: createdAt(),
    sentAt: timestamp().nullable(),
  },
  checks: [{ name: 'email_log_status_known', expression: `status in ('QUEUED', 'SENT', 'FAILED')` }],
  uniques: [{ name: 'email_log_key_unique', properties: ['key'] }],
  indexes: [{ name: 'email_log_created_at_index', properties: ['createdAt', 'id'] }],
});
