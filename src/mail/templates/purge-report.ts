import { composeMail } from '../compose-mail.js';
import { durationText } from '../duration-text.js';
import { type Fact, facts, type MailBlock, paragraph, table } from '../mail-content.js';
import type { PurgeReportMail, RenderedMail } from '../../domain/mail/mail-inputs.js';
import { counted, inWords, utcText } from '../wording.js';
import { purgeReportSubject } from './purge-report-subject.js';

const RESULTS: Readonly<Record<PurgeReportMail['status'], string>> = {
  SUCCEEDED: 'succeeded',
  PARTIAL: 'ended with some rows left',
  FAILED: 'failed',
  INTERRUPTED: 'interrupted; the next run goes on',
  CANCELLED: 'cancelled',
  SKIPPED: 'skipped; it did not run',
};

const BY_TRIGGER: Readonly<Record<PurgeReportMail['trigger'], string>> = {
  SCHEDULE: 'by a schedule',
  MANUAL: 'by hand',
  CLI: 'from the command line',
};

/** Kinds whose name alone would mislead: these stay, as a record. */
const KIND_LABELS: Readonly<Record<string, string>> = { batches: 'Batches of which only the record is left' };

/** Tells an admin what one run of a cleanup did. A zero is told as 0. */
export function purgeReport(input: PurgeReportMail): RenderedMail {
  return composeMail({
    siteName: input.siteName,
    subject: purgeReportSubject(input),
    blocks: [
      paragraph(`Hello ${input.adminName},`),
      paragraph(
        `this is the report of a cleanup of ${inWords(input.task)} at ${input.siteName}. It was started ${starterOf(input)}.`,
      ),
      ...(input.isDryRun ? [paragraph('It was a dry run: it counted what would be removed and removed nothing.')] : []),
      facts(...runFacts(input)),
      ...(input.error === null ? [] : [paragraph(input.error)]),
      facts(...countFacts(input)),
      ...batchBlocks(input),
    ],
  });
}

function starterOf({ trigger, scheduleName }: PurgeReportMail): string {
  if (scheduleName === null) return BY_TRIGGER[trigger];
  return trigger === 'SCHEDULE'
    ? `by the schedule "${scheduleName}"`
    : `${BY_TRIGGER[trigger]}, as the schedule "${scheduleName}" would`;
}

function runFacts(input: PurgeReportMail): Fact[] {
  const { startedAt, finishedAt } = input;
  return [
    ['Result', RESULTS[input.status]],
    ['Dry run', input.isDryRun ? 'yes' : 'no'],
    ['Started', utcText(startedAt)],
    ['Finished', utcText(finishedAt)],
    ['Duration', lengthText(new Date(finishedAt).getTime() - new Date(startedAt).getTime())],
    ['Retention', retentionText(input.retentionDays)],
    ['Limit', limitText(input)],
    ['Report', input.reportId],
  ];
}

function lengthText(ms: number): string {
  return durationText(Math.round(ms / 1000)) || 'less than a second';
}

function retentionText(days: number | null): string {
  if (days === null) return 'none';
  return days === 0 ? '0 days, so of any age' : counted(days, 'day');
}

function limitText({ maxDeletions, isCapped }: PurgeReportMail): string {
  if (maxDeletions === null) return 'none';
  return `${counted(maxDeletions, 'row')}; it ${isCapped ? 'ended the run with more left' : 'did not end the run'}`;
}

function countFacts({ counts, total, isDryRun }: PurgeReportMail): Fact[] {
  const kinds = Object.entries(counts).map(([kind, count]): Fact => [labelOf(kind), String(count)]);
  return [...kinds, [isDryRun ? 'Rows that would be removed' : 'Rows removed in all', String(total)]];
}

function labelOf(kind: string): string {
  const words = inWords(kind);
  return KIND_LABELS[kind] ?? `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}

function batchBlocks({ batches }: PurgeReportMail): MailBlock[] {
  if (batches === null) return [];
  const { count, first } = batches;
  if (count === 0) return [paragraph('No batch was touched.')];
  const rows = first.map(({ batchId, issuedCount, usedCount, purgedCount, remainingRows, isBatchPurged }) => [
    batchId,
    issuedCount,
    usedCount,
    purgedCount,
    remainingRows,
    isBatchPurged ? 'record only' : '',
  ]);
  const more = count - first.length;
  return [
    paragraph(`${batchesText(count)} touched:`),
    table(['Batch', 'Issued', 'Used', 'Purged', 'Left', 'Now'], rows),
    ...(more > 0 ? [paragraph(`${batchesText(more)} touched beside these; the report itself names all of them.`)] : []),
  ];
}

function batchesText(count: number): string {
  return count === 1 ? '1 batch was' : `${count} batches were`;
}
