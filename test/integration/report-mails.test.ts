import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import PostalMime from 'postal-mime';
import { loadConfig } from '../../src/config/load-config.js';
import { findReport } from '../../src/domain/cleanup/read-reports.js';
import type { Report } from '../../src/domain/cleanup/report.js';
import { ReportMails } from '../../src/domain/cleanup/report-mails.js';
import { Mails } from '../../src/domain/mail/mails.js';
import { createMailer } from '../../src/mail/mailer.js';
import { createMailTransport } from '../../src/mail/transport.js';
import { cleanUp, type RunWish } from '../support/cleanup.js';
import { issueCodes, makeOwner, openRules, type Rules } from '../support/rules.js';
import { openSmtpServer } from '../support/smtp-server.js';

const SERVER_WORDS = 'the server quotes ada@example.org here';
const FIRST = { isLastAttempt: false };
const LAST = { isLastAttempt: true };
const SETTINGS = {
  HOST: '127.0.0.1',
  ADMIN_EMAIL: 'ada@example.org',
  ADMIN_NAME: 'Ada',
  MAIL_FROM: 'Acme <keys@acme.example>',
  SITE_NAME: 'Acme Keys',
};

let rules: Rules;
let folder: string;
const logFaults: unknown[] = [];
/** What to undo after a test, last thing first. */
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  rules = await openRules();
  folder = await mkdtemp(join(tmpdir(), 'sparekey-reports-'));
});
beforeEach(() =>
  rules.database.rows('truncate recovery_codes, recovery_code_batches, purge_reports, email_log cascade'),
);
afterEach(async () => {
  expect(logFaults.splice(0)).toEqual([]);
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(async () => {
  await rules.close();
  await rm(folder, { recursive: true, force: true });
});

/** The mails of a process whose mail server answers each recipient with what is next in `answers`; then it takes all. */
async function openMails({ keepsLog = false, answers = [] as number[], smtpUrl = '' } = {}) {
  const messageIds: string[] = [];
  const server = await openSmtpServer({
    onRcptTo(_to, _session, callback) {
      const responseCode = answers.shift();
      if (responseCode === undefined) callback();
      else callback(Object.assign(new Error(SERVER_WORDS), { responseCode }));
    },
  });
  cleanups.push(() => server.close());
  const { config } = loadConfig({ ...SETTINGS, STORE_EMAIL_LOG: String(keepsLog) });
  if (config === undefined) throw new Error('These settings are no good.');
  const { siteName } = config.server;
  const transport = createMailTransport({
    ...config.mail,
    smtpUrl: smtpUrl || server.url,
    filesDir: folder,
    siteName,
  });
  cleanups.push(() => transport.close());
  const recording = {
    ...transport,
    send: (mail: Parameters<typeof transport.send>[0]) => {
      messageIds.push(mail.messageId);
      return transport.send(mail);
    },
  };
  const mail = createMailer({
    transport: recording,
    siteName,
    publicUrl: () => 'https://keys.example',
  });
  const mails = new Mails(rules.db, { mail, settings: config, onLogFault: (error) => void logFaults.push(error) });
  return { ...server, messageIds, mails: new ReportMails(rules.db, { settings: config, mails }) };
}

const emptyRun = (wish: Partial<RunWish> = {}) => cleanUp(rules, { task: 'COPIES', emailReport: 'ALWAYS', ...wish });

/** A run that removes the ten codes of one batch. */
async function fullRun(): Promise<{ readonly report: Report; readonly batchId: string }> {
  const me = await makeOwner(rules);
  const { id: batchId } = await issueCodes(rules, me);
  await issueCodes(rules, me);
  await rules.database.rows(
    `update recovery_codes set superseded_at = superseded_at - interval '30 days' where batch_id = $1`,
    [batchId],
  );
  const report = await cleanUp(rules, {
    task: 'RECOVERY_CODES',
    retentionDays: 29,
    emailReport: 'WHEN_DELETED',
  });
  return { report, batchId };
}

/** What the report says of its run and of its mail. */
async function stateOf({ id }: Report) {
  const report = await findReport(rules.db, id);
  return { run: report?.status, mail: report?.emailStatus };
}

const logged = () =>
  rules.database.rows(
    `select key, template, recipient, sender, subject, status, attempts, error, sent_at is not null as "isSent"
     from email_log`,
  );

describe('the mail of a report', () => {
  it('goes to the admin once, under the Message-ID of the report, in text and in HTML', async () => {
    const { mails, received } = await openMails();
    const { report, batchId } = await fullRun();
    await mails.deliver(report.id, FIRST);
    await mails.deliver(report.id, FIRST);
    expect(received).toHaveLength(1);
    expect(received[0]).toMatchObject({ from: 'keys@acme.example', to: ['ada@example.org'] });
    const parsed = await PostalMime.parse(received[0]?.raw ?? '');
    expect(parsed).toMatchObject({
      messageId: `<${report.id}.purge-report@keys.example>`,
      subject: 'Recovery Code Purge: 1 Batch(es) Processed',
      from: { name: 'Acme', address: 'keys@acme.example' },
    });
    expect(parsed.text).toContain('Hello Ada,');
    expect(parsed.text).toContain('Codes: 10\nBatches of which only the record is left: 1\nRows removed in all: 10');
    expect(parsed.text).toContain(`${batchId}     10    0     10    0 record only`);
    for (const told of ['Hello Ada,', batchId, report.id, 'record only']) expect(parsed.html).toContain(told);
    expect(await stateOf(report)).toEqual({ run: 'SUCCEEDED', mail: 'SENT' });
  });

  it('tells of the first twenty batches, and how many more there are', async () => {
    const { mails, received } = await openMails();
    const { report } = await fullRun();
    await rules.database.rows(
      `insert into purge_report_batches (report_id, batch_id, issued_count, used_count, purged_count, remaining_rows,
         is_batch_purged) select $1, gen_random_uuid(), 10, 0, 1, 9, false from generate_series(1, 22)`,
      [report.id],
    );
    await mails.deliver(report.id, FIRST);
    const { text = '', subject } = await PostalMime.parse(received[0]?.raw ?? '');
    expect(subject).toBe('Recovery Code Purge: 23 Batch(es) Processed');
    expect(text.match(/^[\da-f-]{36} /gm)).toHaveLength(20);
    expect(text).toContain('3 batches were touched beside these');
  });

  it('tells the kinds of a run that did not take place, as 0', async () => {
    const { mails, received } = await openMails();
    const report = await emptyRun({ task: 'AUDIT_EVENTS' });
    await mails.deliver(report.id, FIRST);
    const { text, subject } = await PostalMime.parse(received[0]?.raw ?? '');
    expect(subject).toBe('Cleanup of audit events: skipped');
    expect(text).toContain('Rows: 0\nRows removed in all: 0');
    expect(text).toContain(report.error);
    expect(await stateOf(report)).toEqual({ run: 'SKIPPED', mail: 'SENT' });
  });

  it('is not sent where nobody asked for it, nor for a report that is not there', async () => {
    const { mails, counts } = await openMails({ keepsLog: true });
    const never = await emptyRun({ emailReport: 'NEVER' });
    const nothingDeleted = await emptyRun({ emailReport: 'WHEN_DELETED' });
    for (const { id } of [never, nothingDeleted]) await mails.deliver(id, FIRST);
    await mails.deliver('0193a1f0-77aa-7000-8000-000000000001', LAST);
    expect(counts.messages).toBe(0);
    expect(await stateOf(nothingDeleted)).toEqual({ run: 'SUCCEEDED', mail: null });
    expect(await logged()).toEqual([]);
  });
});

describe('a report whose mail is refused', () => {
  it.each([450, 421])('waits for another attempt after %i, which has the same Message-ID', async (responseCode) => {
    const { mails, received, messageIds } = await openMails({ keepsLog: true, answers: [responseCode] });
    const report = await emptyRun();
    const refusal = { reason: 'REFUSED_FOR_NOW', isPermanent: false };
    await expect(mails.deliver(report.id, FIRST)).rejects.toMatchObject(refusal);
    expect(await stateOf(report)).toEqual({ run: 'SUCCEEDED', mail: 'QUEUED' });
    expect(await logged()).toMatchObject([
      { status: 'QUEUED', attempts: 1, isSent: false, error: 'The mail server refused the mail for now.' },
    ]);
    await mails.deliver(report.id, FIRST);
    expect(await stateOf(report)).toEqual({ run: 'SUCCEEDED', mail: 'SENT' });
    expect(await logged()).toMatchObject([{ status: 'SENT', attempts: 2, isSent: true, error: null }]);
    expect(received).toHaveLength(1);
    const messageId = `<${report.id}.purge-report@keys.example>`;
    expect(messageIds).toEqual([messageId, messageId]);
    expect((await PostalMime.parse(received[0]?.raw ?? '')).messageId).toBe(messageId);
  });

  it('is not tried again when it was refused for good', async () => {
    const { mails, messageIds } = await openMails({ keepsLog: true, answers: [550] });
    const report = await emptyRun();
    await expect(mails.deliver(report.id, FIRST)).rejects.toMatchObject({ isPermanent: true });
    expect(await stateOf(report)).toEqual({ run: 'SUCCEEDED', mail: 'FAILED' });
    await mails.deliver(report.id, FIRST);
    expect(messageIds).toHaveLength(1);
    const [entry] = await logged();
    expect(entry).toMatchObject({ status: 'FAILED', attempts: 1, isSent: false });
    expect(JSON.stringify(entry)).not.toContain('quotes');
  });

  it('is given up after the last attempt', async () => {
    const { mails } = await openMails({ keepsLog: true, smtpUrl: 'smtp://127.0.0.1:1' });
    const report = await emptyRun();
    await expect(mails.deliver(report.id, FIRST)).rejects.toMatchObject({ reason: 'UNREACHABLE' });
    expect((await stateOf(report)).mail).toBe('QUEUED');
    await expect(mails.deliver(report.id, LAST)).rejects.toMatchObject({ reason: 'UNREACHABLE' });
    expect(await stateOf(report)).toEqual({ run: 'SUCCEEDED', mail: 'FAILED' });
    expect(await logged()).toMatchObject([{ status: 'FAILED', attempts: 2 }]);
  });
});

describe('a report whose mail was sent and could not be noted', () => {
  /** As if the process had died between the two. */
  const unnoted = () => rules.database.rows(`update purge_reports set email_status = 'QUEUED'`);

  it('is sent again under the same Message-ID', async () => {
    const { mails, messageIds } = await openMails();
    const report = await emptyRun();
    await mails.deliver(report.id, FIRST);
    await unnoted();
    await mails.deliver(report.id, FIRST);
    expect(messageIds).toHaveLength(2);
    expect(new Set(messageIds).size).toBe(1);
    expect((await stateOf(report)).mail).toBe('SENT');
  });

  it('is not sent again where the log of mails knows of it', async () => {
    const { mails, messageIds } = await openMails({ keepsLog: true });
    const report = await emptyRun();
    await mails.deliver(report.id, FIRST);
    await unnoted();
    await mails.deliver(report.id, FIRST);
    expect(messageIds).toHaveLength(1);
    expect((await stateOf(report)).mail).toBe('SENT');
    expect(await logged()).toMatchObject([{ status: 'SENT', attempts: 1 }]);
  });
});
