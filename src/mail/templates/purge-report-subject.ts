import type { PurgeReportMail } from '../../domain/mail/mail-inputs.js';
import { counted, inWords } from '../wording.js';

/** How a run ended that began and did not go through; a run that failed or was skipped says just that. */
const ENDINGS: Readonly<Partial<Record<PurgeReportMail['status'], string>>> = {
  PARTIAL: 'partial',
  INTERRUPTED: 'interrupted',
  CANCELLED: 'cancelled',
};

/**
 * The subject of a report mail, which names what became of the run where it did not succeed. That of recovery codes is
 * worded and capitalised as admins' filters may know it.
 */
export function purgeReportSubject(input: PurgeReportMail): string {
  const { task, status, isDryRun } = input;
  const isOfCodes = task === 'RECOVERY_CODES';
  const name = isOfCodes ? 'Recovery Code Purge' : `Cleanup of ${inWords(task)}`;
  const marks = [isDryRun ? 'dry run' : undefined, ENDINGS[status]].filter((mark) => mark !== undefined);
  const what = isOfCodes ? outcomeOfCodes(input) : outcomeOf(input);
  return `${name}${marks.length === 0 ? '' : ` (${marks.join(', ')})`}: ${what}`;
}

function outcomeOfCodes({ status, isDryRun, total, batches }: PurgeReportMail): string {
  if (status === 'FAILED') return 'Failed';
  if (status === 'SKIPPED') return 'Skipped';
  const touched = batches === null ? 0 : batches.count;
  if (status === 'SUCCEEDED' && total + touched === 0) return 'No Expired Codes Found';
  return isDryRun ? `${total} Code(s) Would Be Removed` : `${touched} Batch(es) Processed`;
}

function outcomeOf({ status, isDryRun, total }: PurgeReportMail): string {
  if (status === 'FAILED' || status === 'SKIPPED') return status.toLowerCase();
  if (status === 'SUCCEEDED' && total === 0) return 'nothing to remove';
  return `${counted(total, 'row')} ${isDryRun ? 'would be removed' : 'removed'}`;
}
