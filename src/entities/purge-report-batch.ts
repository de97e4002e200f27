import { defineEntity, p } from '@mikro-orm/core';
import { PurgeReportSchema } from './purge-report.js';

/** What one run did to one batch. The batch and its account are plain columns: the line outlives both. */
export const PurgeReportBatchSchema = defineEntity({
  name: 'PurgeReportBatch',
  tableName: 'purge_report_batches',
  properties: {
    reportId: () => p.manyToOne(PurgeReportSchema).mapToPk().fieldName('report_id').primary().deleteRule('cascade'),
    batchId: p.uuid().primary(),
    accountId: p.uuid().nullable(),
    issuedCount: p.integer(),
    usedCount: p.integer(),
    purgedCount: p.integer(),
    remainingRows: p.integer(),
    isBatchPurged: p.boolean(),
  },
});
