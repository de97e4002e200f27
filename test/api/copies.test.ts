import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import PostalMime from 'postal-mime';
import { issue, makeAccount, type TestAccount, type TestBatch } from '../support/accounts.js';
import { type Answer, startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { openScriptedSmtp, type ScriptedSmtp } from '../support/scripted-smtp.js';
import { connectWs, endSockets } from '../support/ws-client.js';

let smtp: ScriptedSmtp;
let app: TestApp;
beforeAll(async () => {
  smtp = await openScriptedSmtp();
  app = await startTestApp({ SMTP_URL: smtp.url, MAIL_MODE: 'queued', STORE_EMAIL_LOG: 'true' });
});
afterEach(endSockets);
afterAll(async () => {
  await app.close();
  await smtp.close();
});

const EMAIL = `mutation($batchId: ID!) {
  emailRecoveryCodes(batchId: $batchId) { message batch { emailedAt exportedAt } }
}`;
const EXPORT = `mutation($batchId: ID!, $format: ExportFormat) {
  exportRecoveryCodes(batchId: $batchId, format: $format) { file { name mediaType content } batch { exportedAt } }
}`;

const email = ({ token }: TestAccount, { id: batchId }: TestBatch): Promise<Answer> =>
  app.post(EMAIL, { batchId }, { token });
const exportAs = ({ token }: TestAccount, { id: batchId }: TestBatch, format?: string): Promise<Answer> =>
  app.post(EXPORT, { batchId, format }, { token });

/** The mails with codes that the server kept for an account. */
async function codeMails(account: TestAccount) {
  const mails = await Promise.all(smtp.kept.map((raw) => PostalMime.parse(raw)));
  return mails.filter(
    ({ to, text }) => to?.[0]?.address === account.email && /[A-Za-z2-9]{6}(-[A-Za-z2-9]{6}){5}/.test(text ?? ''),
  );
}

const logOf = async ({ email: to }: TestAccount) =>
  await app.database.rows<{ status: string; attempts: number; error: string | null }>(
    `select status, attempts, error from email_log where recipient = $1 and template = 'recovery-codes'`,
    [to],
  );

describe('a mail of codes that is queued', () => {
  it('is accepted at once, sent by a job that carries ids only, tried again, and logged without its text', async () => {
    const me = await makeAccount(app);
    const batch = await issue(app, me);
    await eventually(async () => smtp.kept.length > 0);
    smtp.faults.push({ at: 'MAIL', deed: { say: '451 later' } });
    const { data } = await email(me, batch);
    expect(data['emailRecoveryCodes']).toEqual({
      message: 'Your recovery codes email has been successfully delivered.',
      batch: { emailedAt: expect.any(String), exportedAt: null },
    });
    expect((await email(me, batch)).code).toBe('ALREADY_EMAILED');
    await eventually(async () => (await codeMails(me)).length === 1, 30_000);
    const [mail] = await codeMails(me);
    for (const code of batch.codes) {
      expect(mail?.text).toContain(code);
      expect(mail?.html).toContain(code);
    }
    const jobs = await app.database.rows<{ data: object }>(`select data from agenda_jobs where name = 'code-mail'`);
    expect(jobs.map(({ data: ids }) => Object.keys(ids).toSorted())).toEqual([['batchId', 'mailId']]);
    await eventually(async () => (await logOf(me))[0]?.status === 'SENT');
    expect(await logOf(me)).toEqual([{ status: 'SENT', attempts: 2, error: null }]);
    // The hold ends after the log has it, in a transaction of its own.
    await eventually(async () => (await app.database.rows('select 1 from code_mails')).length === 0);
  }, 60_000);

  it('that is refused for good gives the copy back, and the owner sees it', async () => {
    const me = await makeAccount(app);
    const batch = await issue(app, me);
    const client = await connectWs(app.url, me.token);
    client.subscribe('subscription { recoveryCodesChanged { emailedAt exportedAt } }');
    expect(await client.event()).toEqual({ recoveryCodesChanged: { emailedAt: null, exportedAt: null } });
    await eventually(
      async () => (await app.database.rows('select 1 from outbox where delivered_at is null')).length === 0,
    );
    smtp.faults.push({ at: 'RCPT', deed: { say: '550 nobody here' } });
    await email(me, batch);
    const seen: unknown[] = [];
    await eventually(async () => {
      seen.push((await client.event())['recoveryCodesChanged'].emailedAt);
      return seen.length > 1 && seen.at(-1) === null;
    });
    expect(seen[0]).toEqual(expect.any(String));
    expect(await logOf(me)).toEqual([{ status: 'FAILED', attempts: 1, error: expect.stringContaining('refused') }]);
    await email(me, batch);
    await eventually(async () => (await codeMails(me)).length === 1, 30_000);
  }, 60_000);
});

describe('an export', () => {
  it('is answered as base64 of the file, by the format asked for', async () => {
    const me = await makeAccount(app);
    const batch = await issue(app, me);
    const { data } = await exportAs(me, batch, 'CSV');
    const { file, batch: after } = data['exportRecoveryCodes'];
    expect(file).toMatchObject({ name: 'recovery_codes.csv', mediaType: expect.stringMatching(/^text\/csv/) });
    expect(Buffer.from(file.content, 'base64').toString()).toBe(
      ['position,code', ...batch.codes.map((code, index) => `${index + 1},${code}`), ''].join('\r\n'),
    );
    expect(after.exportedAt).toEqual(expect.any(String));
    expect((await exportAs(me, batch, 'CSV')).code).toBe('ALREADY_EXPORTED');
  });

  it('of an unknown format, or by another session of the account after signing in again, is refused', async () => {
    const me = await makeAccount(app);
    const batch = await issue(app, me);
    expect((await exportAs(me, batch, 'DOCX')).code).toBe('BAD_USER_INPUT');
    const { data } = await app.post(
      'mutation($email: String!, $password: String!) { signIn(email: $email, password: $password) { accessToken } }',
      { email: me.email, password: 'a password for the tests 1' },
    );
    const again = { ...me, token: data['signIn'].accessToken };
    expect((await exportAs(again, batch)).code).toBe('COPY_UNAVAILABLE');
    expect((await email(again, batch)).code).toBe('COPY_UNAVAILABLE');
    expect((await exportAs(me, batch)).data['exportRecoveryCodes'].file.name).toBe('recovery_codes.txt');
  });

  it('is kept by the session through a refresh', async () => {
    const me = await makeAccount(app);
    const batch = await issue(app, me);
    const { data } = await app.post(
      'mutation($token: String!) { refreshSession(refreshToken: $token) { accessToken } }',
      { token: me.refreshToken },
    );
    const refreshed = { ...me, token: data['refreshSession'].accessToken };
    expect((await exportAs(refreshed, batch, 'JSON')).errors).toEqual([]);
  });
});
