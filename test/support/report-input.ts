import type { PurgeReportMail } from '../../src/domain/mail/mail-inputs.js';

/** A run of a schedule that removed the codes of one batch, and some of another. */
export const reportInput: PurgeReportMail = {
  siteName: 'Acme Keys',
  adminName: 'Ada Admin',
  reportId: '0193a1f0-77aa-7000-8000-000000000001',
  task: 'RECOVERY_CODES',
  trigger: 'SCHEDULE',
  scheduleName: 'Nightly',
  status: 'SUCCEEDED',
  isDryRun: false,
  startedAt: '2026-11-22T07:14:05.200Z',
  finishedAt: '2026-11-22T07:15:07.100Z',
  retentionDays: 90,
  maxDeletions: 500,
  isCapped: false,
  counts: { codes: 14, batches: 1 },
  total: 14,
  error: null,
  batches: {
    count: 2,
    first: [
      {
        batchId: '0193a1f0-77aa-7000-8000-0000000000b1',
        issuedCount: 10,
        usedCount: 3,
        purgedCount: 10,
        remainingRows: 0,
        isBatchPurged: true,
      },
      {
        batchId: '0193a1f0-77aa-7000-8000-0000000000b2',
        issuedCount: 10,
        usedCount: 0,
        purgedCount: 4,
        remainingRows: 6,
        isBatchPurged: false,
      },
    ],
  },
};
