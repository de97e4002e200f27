import { sql } from 'kysely';
import { guardedStep, rowStep } from '../row-step.js';
import type { CleanupTask } from '../task.js';

/** Removes old audit events, where AUDIT_AUTO_CLEANUP allows it at all. */
export const auditEvents: CleanupTask<'AUDIT_EVENTS'> = {
  name: 'AUDIT_EVENTS',
  retention: {
    kind: 'days',
    least: ({ purge }) => purge.evidenceMinDays,
    standard: ({ purge }) => purge.auditRetentionDays,
  },
  kinds: ['rows'],
  switchedOff: ({ purge }) => (purge.auditAutoCleanup ? undefined : 'Switched off: AUDIT_AUTO_CLEANUP is false.'),
  steps: () => [guardedStep(rowStep({ table: 'audit_events', endedAt: sql`t.created_at` }))],
};
