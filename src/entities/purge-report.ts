import { defineEntity, p } from '@mikro-orm/core';
import { createdAt, id, timestamp } from './columns.js';

/**
 * What one run of a cleanup task did; written before anybody is told of it. Whom and what it names are plain columns, so
 * that deleting them changes no report.
 */
export const PurgeReportSchema = defineEntity({
  name: 'PurgeReport',
  tableName: 'purge_reports',
  properties: {
    id: id(),
    /** Drawn when the run ends, under one lock, so that cursors become visible in their order. */
    cursor: p.bigint('number').nullable(),
    task: p.text(),
    status: p.text().default('QUEUED'),
    trigger: p.text(),
    isDryRun: p.boolean().default(false),
    scheduleId: p.uuid().nullable(),
    scheduleName: p.text().nullable(),
    /** The run of the schedule that this is: there are never two reports for one. */
    dueAt: timestamp().nullable(),
    startedBy: p.uuid().nullable(),
    startedAt: createdAt(),
    finishedAt: timestamp().nullable(),
    retentionDays: p.integer().nullable(),
    /** Null: unlimited. */
    maxDeletions: p.integer().nullable(),
    deleteEmptyBatches: p.boolean().default(true),
    useLogger: p.boolean().default(false),
    emailReport: p.text().default('NEVER'),
    /** How many, by kind of row. */
    counts: p.json<Record<string, number>>().defaultRaw(`'{}'`),
    total: p.integer().default(0),
    eligible: p.integer().nullable(),
    isCapped: p.boolean().default(false),
    emailStatus: p.text().nullable(),
    cancelRequestedAt: timestamp().nullable(),
    error: p.text().nullable(),
  },
  checks: [
    {
      name: 'purge_reports_status_known',
      expression: `status in ('QUEUED', 'RUNNING', 'SUCCEEDED', 'PARTIAL', 'FAILED', 'INTERRUPTED', 'CANCELLED', 'SKIPPED')`,
    },
    { name: 'purge_reports_trigger_known', expression: `trigger in ('SCHEDULE', 'MANUAL', 'CLI')` },
    {
      name: 'purge_reports_ended_has_its_place',
      expression: `(status in ('QUEUED', 'RUNNING')) = (cursor is null) and (cursor is null) = (finished_at is null)`,
    },
    { name: 'purge_reports_email_report_known', expression: `email_report in ('NEVER', 'WHEN_DELETED', 'ALWAYS')` },
    { name: 'purge_reports_email_status_known', expression: `email_status in ('QUEUED', 'SENT', 'FAILED')` },
  ],
  uniques: [
    { name: 'purge_reports_cursor_unique', properties: ['cursor'] },
    { name: 'purge_reports_schedule_id_due_at_unique', properties: ['scheduleId', 'dueAt'] },
  ],
  indexes: [
    { name: 'purge_reports_schedule_id_index', properties: ['scheduleId', 'id'] },
    { name: 'purge_reports_task_index', properties: ['task', 'id'] },
    { name: 'purge_reports_finished_at_index', properties: ['finishedAt', 'id'] },
    {
      name: 'purge_reports_unfinished_index',
      expression: `create index purge_reports_unfinished_index on purge_reports (status, task) where status in ('QUEUED', 'RUNNING')`,
    },
  ],
});
