import type { Database } from '../database.js';
import type { PurgedBatches, PurgeReportMail } from '../mail/mail-inputs.js';
import type { MailOrder } from '../mail/mail-port.js';
import { countLines, pageOfLines } from './read-reports.js';
import { taskOf } from './registry.js';
import type { Report } from './report.js';
import type { CleanupTask, Counts } from './task.js';

/** More would make the mail longer than anybody reads. */
const BATCHES_TOLD = 20;

/** The mail of a run that has ended. */
export async function reportOrder(db: Database, report: Report, adminName: string): Promise<MailOrder> {
  const { id, task: name, trigger, scheduleName, isDryRun, startedAt, maxDeletions, isCapped, total, error } = report;
  const task = taskOf(name);
  return {
    template: 'purge-report',
    input: {
      adminName,
      reportId: id,
      task: name,
      trigger,
      scheduleName,
      status: report.status as PurgeReportMail['status'],
      isDryRun,
      startedAt,
      finishedAt: report.finishedAt ?? startedAt,
      retentionDays: retentionOf(task, report),
      maxDeletions,
      isCapped,
      counts: withZeroes(task, report.counts),
      total,
      error,
      batches: name === 'RECOVERY_CODES' ? await batchesOf(db, id) : null,
    },
  };
}

function retentionOf({ retention }: CleanupTask, { retentionDays }: Report): number | null {
  return retention.kind === 'fixed' ? retention.days : retentionDays;
}

/** A run that did not begin has counted nothing; its kinds are told all the same. */
function withZeroes({ kinds }: CleanupTask, counts: Counts): Counts {
  return { ...Object.fromEntries(kinds.map((kind) => [kind, 0])), ...counts };
}

async function batchesOf(db: Database, reportId: string): Promise<PurgedBatches> {
  const count = (await countLines(db, [reportId])).get(reportId) ?? 0;
  const lines = await pageOfLines(db, reportId, { after: undefined, limit: BATCHES_TOLD });
  return { count, first: lines.slice(0, BATCHES_TOLD) };
}
