import { describe, expect, it } from '@jest/globals';
import type { PurgeReportMail } from '../../src/domain/mail/mail-inputs.js';
import { renderMail } from '../../src/mail/templates.js';
import { flat, readable } from '../support/mail-text.js';
import { reportInput } from '../support/report-input.js';

type Changes = Partial<PurgeReportMail>;

const NOTHING: Changes = { counts: { codes: 0, batches: 0 }, total: 0, batches: { count: 0, first: [] } };
const AUDIT: Changes = { task: 'AUDIT_EVENTS', counts: { rows: 12 }, total: 12, batches: null };
const NO_AUDIT: Changes = { ...AUDIT, counts: { rows: 0 }, total: 0 };

const render = (...changes: Changes[]) => renderMail('purge-report', Object.assign({}, reportInput, ...changes));
const squeezed = (text: string) => text.replaceAll(/[\s:]+/g, '');

/** The text, once it is certain that the HTML says that and nothing else. */
function told(...changes: Changes[]): string {
  const { subject, text, html } = render(...changes);
  const heading = `${changes.at(-1)?.siteName ?? reportInput.siteName}${subject}`;
  expect(squeezed(readable(html))).toBe(squeezed(`${heading}${text.replace(/^-- $/m, '')}`));
  return text;
}

describe('the subject of a report', () => {
  it.each<[string, Changes[]]>([
    ['Recovery Code Purge: 2 Batch(es) Processed', []],
    ['Recovery Code Purge: No Expired Codes Found', [NOTHING]],
    ['Recovery Code Purge (partial): 2 Batch(es) Processed', [{ status: 'PARTIAL', isCapped: true }]],
    ['Recovery Code Purge (interrupted): 2 Batch(es) Processed', [{ status: 'INTERRUPTED' }]],
    ['Recovery Code Purge (cancelled): 0 Batch(es) Processed', [NOTHING, { status: 'CANCELLED' }]],
    ['Recovery Code Purge: Failed', [NOTHING, { status: 'FAILED' }]],
    ['Recovery Code Purge: Skipped', [NOTHING, { status: 'SKIPPED' }]],
    ['Recovery Code Purge (dry run): No Expired Codes Found', [NOTHING, { isDryRun: true }]],
    ['Recovery Code Purge (dry run): 7 Code(s) Would Be Removed', [NOTHING, { isDryRun: true, total: 7 }]],
    ['Recovery Code Purge (dry run): Failed', [NOTHING, { isDryRun: true, status: 'FAILED' }]],
    ['Cleanup of audit events: 12 rows removed', [AUDIT]],
    ['Cleanup of audit events: 1 row removed', [AUDIT, { total: 1 }]],
    ['Cleanup of audit events: nothing to remove', [NO_AUDIT]],
    ['Cleanup of audit events (partial): 12 rows removed', [AUDIT, { status: 'PARTIAL' }]],
    ['Cleanup of audit events (interrupted): 0 rows removed', [NO_AUDIT, { status: 'INTERRUPTED' }]],
    ['Cleanup of audit events: failed', [NO_AUDIT, { status: 'FAILED' }]],
    ['Cleanup of e-mail log: skipped', [NO_AUDIT, { task: 'EMAIL_LOG', status: 'SKIPPED' }]],
    ['Cleanup of audit events (dry run): 12 rows would be removed', [AUDIT, { isDryRun: true }]],
    [
      'Cleanup of audit events (dry run, partial): 12 rows would be removed',
      [AUDIT, { isDryRun: true, status: 'PARTIAL' }],
    ],
  ])('is "%s"', (subject, changes) => {
    expect(render(...changes).subject).toBe(subject);
  });
});

describe('the mail of a report', () => {
  it('tells what ran, since when, for how long and by what', () => {
    const text = told();
    expect(flat(text)).toContain(
      'this is the report of a cleanup of recovery codes at Acme Keys. It was started by the schedule "Nightly".',
    );
    expect(text).toContain(
      [
        'Result: succeeded',
        'Dry run: no',
        'Started: 22 November 2026, 07:14:05 UTC',
        'Finished: 22 November 2026, 07:15:07 UTC',
        'Duration: 1 minute and 2 seconds',
        'Retention: 90 days',
        'Limit: 500 rows; it did not end the run',
        'Report: 0193a1f0-77aa-7000-8000-000000000001',
      ].join('\n'),
    );
    expect(text).toContain('Codes: 14\nBatches of which only the record is left: 1\nRows removed in all: 14');
  });

  it('tells of each batch on a line', () => {
    expect(told()).toContain(
      [
        '2 batches were touched:',
        '',
        'Batch                                Issued Used Purged Left Now',
        '0193a1f0-77aa-7000-8000-0000000000b1     10    3     10    0 record only',
        '0193a1f0-77aa-7000-8000-0000000000b2     10    0      4    6',
        '',
      ].join('\n'),
    );
  });

  it('tells how many more batches there are than it names', () => {
    const first = reportInput.batches?.first ?? [];
    expect(told()).not.toContain('beside these');
    expect(told({ batches: { count: 3, first } })).toContain('1 batch was touched beside these');
    expect(told({ batches: { count: 42, first } })).toContain('40 batches were touched beside these');
  });

  it('prints each zero as 0', () => {
    const text = told(NOTHING);
    expect(text).toContain('Codes: 0\nBatches of which only the record is left: 0\nRows removed in all: 0');
    expect(text).toContain('No batch was touched.');
    expect(`${text}${render(NOTHING).html}`).not.toMatch(/N\/A|null|undefined|NaN/);
  });

  it.each<[PurgeReportMail['status'], string]>([
    ['SUCCEEDED', 'succeeded'],
    ['PARTIAL', 'ended with some rows left'],
    ['FAILED', 'failed'],
    ['INTERRUPTED', 'interrupted; the next run goes on'],
    ['CANCELLED', 'cancelled'],
    ['SKIPPED', 'skipped; it did not run'],
  ])('says %s in words', (status, words) => {
    expect(told({ status })).toContain(`Result: ${words}\n`);
  });

  it.each<[Changes, string]>([
    [{ trigger: 'MANUAL', scheduleName: null }, 'It was started by hand.'],
    [{ trigger: 'MANUAL' }, 'It was started by hand, as the schedule "Nightly" would.'],
    [{ trigger: 'CLI', scheduleName: null }, 'It was started from the command line.'],
    [{ scheduleName: null }, 'It was started by a schedule.'],
  ])('says what started it: %j', (changes, words) => {
    expect(flat(told(changes))).toContain(words);
  });

  it('says that a dry run removed nothing', () => {
    const text = told(AUDIT, { isDryRun: true });
    expect(flat(text)).toContain('It was a dry run: it counted what would be removed and removed nothing.');
    expect(text).toContain('Dry run: yes');
    expect(text).toContain('Rows: 12\nRows that would be removed: 12');
  });

  it('gives the reason of what went wrong', () => {
    const error = 'It failed on the way; the log has more under error 0193a1f0-77aa-7000-8000-00000000000e.';
    expect(flat(told({ status: 'PARTIAL', error }))).toContain(error);
  });

  it.each<[Changes, string]>([
    [{ isCapped: true }, 'Limit: 500 rows; it ended the run with more left'],
    [{ maxDeletions: null }, 'Limit: none'],
    [{ retentionDays: null }, 'Retention: none'],
    [{ retentionDays: 0 }, 'Retention: 0 days, so of any age'],
    [{ retentionDays: 1 }, 'Retention: 1 day\n'],
    [{ finishedAt: reportInput.startedAt }, 'Duration: less than a second'],
  ])('is exact about %j', (changes, words) => {
    expect(told(changes)).toContain(words);
  });

  it('says nothing of batches where there are none to touch', () => {
    expect(told(AUDIT)).not.toMatch(/batch/i);
  });

  it('names kinds as people do', () => {
    const counts = { EMAIL_VERIFICATION: 3, refreshTokens: 0, idTokens: 2 };
    expect(told({ counts, total: 5 })).toContain('E-mail verification: 3\nRefresh tokens: 0\nID tokens: 2\n');
  });

  it('keeps hostile names on their line, and shows them as they are', () => {
    const hostile = `<b>"x" & 'y'</b>`;
    const text = told({ siteName: hostile, adminName: hostile, scheduleName: hostile });
    expect(flat(text)).toContain(`Hello ${hostile},`);
    expect(flat(text)).toContain(`by the schedule "${hostile}"`);
    const broken = render({
      scheduleName: 'Nightly\r\n\r\nResult: succeeded\u2029Bcc: x',
      siteName: 'Acme\nResult: x',
    });
    expect(broken.text.match(/^Result:/gm)).toHaveLength(1);
    expect(broken.text).not.toMatch(/[\r\u2028\u2029]|^Bcc/m);
  });
});
