import { boolean, deletionCap, integer } from '../plain-kinds.js';
import { setting } from '../setting.js';

const days = integer(1, 36500);

export const cleanupSettings = {
  purge: {
    retentionDays: setting('PURGE_RETENTION_DAYS', days, {
      default: '90',
      description: 'How long ended recovery codes are kept, in days.',
    }),
    batchSize: setting('PURGE_BATCH_SIZE', integer(1, 10000), {
      default: '500',
      description: 'Rows that a cleanup removes in one transaction.',
    }),
    pauseMs: setting('PURGE_PAUSE_MS', integer(0, 60000), {
      default: '0',
      description: 'Pause of a cleanup between two transactions, in milliseconds.',
    }),
    maxDeletionsPerRun: setting('PURGE_MAX_DELETIONS_PER_RUN', deletionCap, {
      default: '-1',
      description: 'Most rows that one run removes; -1 is unlimited.',
    }),
    useLogger: setting('PURGE_USE_LOGGER', boolean, {
      default: 'false',
      description: 'Whether runs write a detailed log unless their schedule says otherwise.',
    }),
    auditAutoCleanup: setting('AUDIT_AUTO_CLEANUP', boolean, {
      default: 'false',
      description: 'Whether audit events are ever removed.',
    }),
    auditRetentionDays: setting('AUDIT_RETENTION_DAYS', days, {
      default: '30',
      description: 'How long audit events are kept, in days; at least EVIDENCE_MIN_DAYS.',
    }),
    emailLogRetentionDays: setting('EMAIL_LOG_RETENTION_DAYS', days, {
      default: '90',
      description: 'How long the log of mails is kept, in days; at least EVIDENCE_MIN_DAYS.',
    }),
    reportRetentionDays: setting('PURGE_REPORT_RETENTION_DAYS', days, {
      default: '365',
      description: 'How long purge reports are kept, in days; at least EVIDENCE_MIN_DAYS.',
    }),
    batchHistoryRetentionDays: setting('BATCH_HISTORY_RETENTION_DAYS', days, {
      otherwise: 'for ever',
      description: 'How long the records of purged batches are kept, in days; at least EVIDENCE_MIN_DAYS.',
    }),
    evidenceMinDays: setting('EVIDENCE_MIN_DAYS', days, {
      default: '7',
      description: 'The least that anybody can set for what is evidence, in days.',
    }),
    staleAccountDays: setting('STALE_ACCOUNT_DAYS', days, {
      default: '90',
      description: 'How long an account may stay unverified, in days.',
    }),
    staleEmailChangeDays: setting('STALE_EMAIL_CHANGE_DAYS', days, {
      default: '7',
      description: 'How long a change of address that was not completed is remembered, in days.',
    }),
  },
};
