import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { connectDatabase } from '../../src/database/connect.js';
import { issueToken } from '../../src/domain/accounts/verification-tokens.js';
import { ReportMails } from '../../src/domain/cleanup/report-mails.js';
import type { OutboxDraft } from '../../src/domain/events/outbox-topics.js';
import { raise } from '../../src/domain/events/raise.js';
import type { MailOrder } from '../../src/domain/mail/mail-port.js';
import { Mails } from '../../src/domain/mail/mails.js';
import { OutboxRelay } from '../../src/jobs/outbox-relay.js';
import { createMailer } from '../../src/mail/mailer.js';
import { createMailTransport } from '../../src/mail/transport.js';
import { cleanUp } from '../support/cleanup.js';
import { eventually } from '../support/eventually.js';
import { issueCodes, makeOwner, openRules, type Owner, type Rules } from '../support/rules.js';
import { type Fault, openScriptedSmtp } from '../support/scripted-smtp.js';

const FROM = 'Acme <keys@acme.example>';
const REFUSED_FOR_NOW = 'The mail server refused the mail for now.';
const REFUSED = 'The mail server refused the mail or its recipient for good.';
const ANSWER_LOST = 'The mail went out as a whole, but no answer came: it may have arrived.';

const refusedOnce: Fault = { at: 'RCPT', deed: { say: '450 not now, quotes a code' } };
const refusedForGood: Fault = { at: 'RCPT', deed: { say: '550 unknown' } };
const keptInSilence: Fault = { at: 'dot', deed: 'drop', isKept: true };
/** Faults come in their order at their stage only: this one lets a mail pass. */
const none: Fault = { at: 'RCPT', deed: { say: '250 recipient ok' } };

let rules: Rules;
let me: Owner;
/** What to undo after a test, last thing first. */
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  rules = await openRules();
});
beforeEach(async () => {
  await rules.database.rows('truncate outbox, email_log, purge_reports cascade');
  me = await makeOwner(rules);
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(async () => {
  await rules.close();
});

/** The mails of a process, logged unless said otherwise, and the server that takes them. */
async function openPost({ faults = [] as Fault[], storeEmailLog = true, db = rules.db } = {}) {
  const server = await openScriptedSmtp(...faults);
  cleanups.push(() => server.close());
  const transport = createMailTransport({ from: FROM, filesDir: 'none', siteName: 'Acme Keys', smtpUrl: server.url });
  cleanups.push(() => transport.close());
  const mail = createMailer({ transport, siteName: 'Acme Keys', publicUrl: () => 'https://keys.example' });
  const logFaults: unknown[] = [];
  const settings = { mail: { from: FROM, storeEmailLog, adminEmail: 'ada@example.org', adminName: 'Ada' } };
  const mailsOn = (on: typeof db) =>
    new Mails(on, { mail, settings, onLogFault: (error) => void logFaults.push(error) });
  const subjects = () => server.kept.map((raw) => /^Subject: (.*)$/m.exec(raw)?.[1]?.trim());
  const messageIds = () => server.kept.map((raw) => /^Message-ID:\s+<(.*)@keys\.example>/im.exec(raw)?.[1]);
  return { server, mail, mails: mailsOn(db), mailsOn, settings, logFaults, subjects, messageIds };
}

type Post = Awaited<ReturnType<typeof openPost>>;

/** What a relay does at one turn, in so many seconds from now: it fails, or ends all messages. */
async function turn({ mail, mailsOn }: Post, how: 'fails' | 'ends', inSeconds = 0): Promise<void> {
  const on = inSeconds === 0 ? rules : rules.at(inSeconds);
  const faults: unknown[] = [];
  const relay = new OutboxRelay({
    db: on.db,
    keyring: on.keyring,
    mail,
    mails: mailsOn(on.db),
    lowThreshold: 3,
    adminEmail: 'admin@localhost',
    pendingRegistrations: on.services.pendingRegistrations,
    pendingPasswordResets: on.services.pendingPasswordResets,
    pendingEmailChanges: on.services.pendingEmailChanges,
    jobs: { queueReportMail: async () => undefined, queueCodeMail: async () => undefined },
    onFault: (fault) => void faults.push(fault),
  });
  relay.start();
  await eventually(async () => {
    if (how === 'fails') return faults.length > 0;
    return (await rules.database.rows('select 1 from outbox where delivered_at is null')).length === 0;
  });
  await relay.stop();
  expect(faults).toHaveLength(how === 'fails' ? 1 : 0);
}

interface Logged {
  readonly template: string;
  readonly status: string;
  readonly attempts: number;
  readonly error: string | null;
}

const logged = () =>
  rules.database.rows<Logged>(
    `select key, template, recipient, sender, subject, status, attempts, error, sent_at is not null as "isSent"
     from email_log order by created_at, template`,
  );

const sent = (attempts: number) => ({ status: 'SENT', attempts, error: null, isSent: true });
const queued = (attempts: number, error: string) => ({ status: 'QUEUED', attempts, error, isSent: false });
const failed = (attempts: number, error: string) => ({ status: 'FAILED', attempts, error, isSent: false });

/** Orders the notice that an admin has unlocked the account; the id of its message. */
async function orderNotice(): Promise<string> {
  const payload = { accountId: me.id, at: new Date().toISOString(), ipAddress: null, userAgent: null };
  return await order({ topic: 'account-unlocked', payload });
}

/** Orders the two mails of a code that leaves few. */
async function orderTwo(): Promise<string> {
  const { id: batchId } = await issueCodes(rules, me);
  await rules.database.rows('delete from outbox');
  const place = { at: new Date().toISOString(), ipAddress: null, userAgent: null };
  const payload = { ...place, accountId: me.id, batchId, codeId: randomUUID(), remaining: 3, isSignIn: false };
  return await order({ topic: 'code-used', payload });
}

async function order(message: OutboxDraft): Promise<string> {
  await raise(rules.db, [], [message]);
  const [row] = await rules.database.rows<{ id: string }>('select id from outbox');
  return row?.id ?? '';
}

describe('The log of a notice', () => {
  it('says what was sent, to whom and from whom, and when, but not its text', async () => {
    const post = await openPost();
    const id = await orderNotice();
    await turn(post, 'ends');
    expect(await logged()).toEqual([
      {
        key: `${id}.account-unlocked`,
        template: 'account-unlocked',
        recipient: me.email,
        sender: FROM,
        subject: 'Your account at Acme Keys is unlocked',
        ...sent(1),
      },
    ]);
    expect(post.messageIds()).toEqual([`${id}.account-unlocked`]);
  });

  it('says at every turn how it stands, until it is sent', async () => {
    const post = await openPost({ faults: [refusedOnce, keptInSilence, refusedOnce] });
    const id = await orderNotice();
    await turn(post, 'fails');
    expect(await logged()).toMatchObject([queued(1, REFUSED_FOR_NOW)]);
    await turn(post, 'fails', 10);
    expect(await logged()).toMatchObject([queued(2, ANSWER_LOST)]);
    await turn(post, 'fails', 30);
    expect(await logged()).toMatchObject([queued(3, REFUSED_FOR_NOW)]);
    await turn(post, 'ends', 60);
    expect(await logged()).toMatchObject([sent(4)]);
    // The server kept the second and did not say so: the same mail came twice, and can be told to be the same.
    expect(post.messageIds()).toEqual([`${id}.account-unlocked`, `${id}.account-unlocked`]);
    expect(post.logFaults).toEqual([]);
  });

  it('says that it failed where it was refused for good', async () => {
    const post = await openPost({ faults: [refusedForGood] });
    await orderNotice();
    await turn(post, 'fails');
    expect(await logged()).toMatchObject([failed(1, REFUSED)]);
  });

  it('says that it failed once the outbox gives it up, and not before', async () => {
    const post = await openPost({ faults: [refusedOnce, refusedOnce] });
    await orderNotice();
    await rules.database.rows('update outbox set attempts = 14');
    const isGivenUp = () => rules.database.rows(`select failed_at is not null as "isFailed" from outbox`);
    await turn(post, 'fails');
    expect(await logged()).toMatchObject([queued(1, REFUSED_FOR_NOW)]);
    expect(await isGivenUp()).toEqual([{ isFailed: false }]);
    await turn(post, 'fails', 21_700);
    expect(await logged()).toMatchObject([failed(2, REFUSED_FOR_NOW)]);
    expect(await isGivenUp()).toEqual([{ isFailed: true }]);
  });

  it('holds no token of a mail that carries one', async () => {
    const post = await openPost();
    await rules.database.rows('update accounts set email_verified_at = null where id = $1', [me.id]);
    const token = { accountId: me.id, purpose: 'EMAIL_VERIFICATION', emailKey: me.email, ttlSeconds: 600 } as const;
    const sealed = await issueToken(rules.db, rules.keyring, token);
    await order({
      topic: 'email-verification-requested',
      payload: { accountId: me.id, validForSeconds: 600 },
      sealed,
    });
    await turn(post, 'ends');
    const [, mailed = ''] = /#token=([\w-]{43})/.exec(post.server.kept[0] ?? '') ?? [];
    expect(mailed).toHaveLength(43);
    const dump = JSON.stringify(await rules.database.rows('select * from email_log'));
    expect(dump).toContain('verify-email');
    expect(dump).not.toContain(mailed);
  });

  it('goes by the clock of the rules', async () => {
    const post = await openPost();
    await orderNotice();
    await turn(post, 'ends', 86_400);
    const [ahead] = await rules.database.rows<{ created: number; sent: number }>(
      `select extract(epoch from created_at - now())::int as created, extract(epoch from sent_at - now())::int as sent
       from email_log`,
    );
    expect(ahead?.created).toBeGreaterThan(86_000);
    expect(ahead?.sent).toBeGreaterThan(86_000);
  });

  it('is not kept unless the setting says so', async () => {
    const post = await openPost({ storeEmailLog: false, faults: [refusedOnce] });
    await orderNotice();
    await turn(post, 'fails');
    await turn(post, 'ends', 10);
    expect(post.server.kept).toHaveLength(1);
    expect(await rules.database.rows('select * from email_log')).toEqual([]);
  });
});

describe('A message that leads to two mails', () => {
  const USED = 'A recovery code of yours was used at Acme Keys';
  const LOW = 'You have few recovery codes left at Acme Keys';

  it('has the one tried again that was not sent, where the log knows of the other', async () => {
    const post = await openPost({ faults: [none, refusedOnce] });
    await orderTwo();
    await turn(post, 'fails');
    expect(await logged()).toMatchObject([
      { template: 'code-used', ...sent(1) },
      { template: 'codes-low', ...queued(1, REFUSED_FOR_NOW) },
    ]);
    await turn(post, 'ends', 10);
    expect(await logged()).toMatchObject([
      { template: 'code-used', ...sent(1) },
      { template: 'codes-low', ...sent(2) },
    ]);
    expect(post.subjects()).toEqual([USED, LOW]);
  });

  it('has both sent again under their Message-IDs, where there is no log', async () => {
    const post = await openPost({ storeEmailLog: false, faults: [none, refusedOnce] });
    const id = await orderTwo();
    await turn(post, 'fails');
    await turn(post, 'ends', 10);
    expect(post.messageIds()).toEqual([`${id}.code-used`, `${id}.code-used`, `${id}.codes-low`]);
  });

  it('has the second sent whatever became of the first', async () => {
    const post = await openPost({ faults: [refusedForGood] });
    await orderTwo();
    await turn(post, 'fails');
    expect(await logged()).toMatchObject([
      { template: 'code-used', ...failed(1, REFUSED) },
      { template: 'codes-low', ...sent(1) },
    ]);
    expect(await rules.database.rows(`select failed_at is not null as "isFailed" from outbox`)).toEqual([
      { isFailed: true },
    ]);
  });

  it('is kept for the one that is worth another attempt', async () => {
    const post = await openPost({ faults: [refusedForGood, refusedOnce] });
    await orderTwo();
    await turn(post, 'fails');
    expect(await rules.database.rows(`select failed_at is not null as "isFailed" from outbox`)).toEqual([
      { isFailed: false },
    ]);
  });
});

describe('The log of a report', () => {
  async function reportPost(...faults: Fault[]) {
    const post = await openPost({ faults });
    const { id } = await cleanUp(rules, { task: 'COPIES', emailReport: 'ALWAYS' });
    const reports = new ReportMails(rules.db, { settings: post.settings, mails: post.mails });
    return { ...post, id, attempt: (isLastAttempt = false) => reports.deliver(id, { isLastAttempt }) };
  }

  it('says at every turn how it stands, until it is sent', async () => {
    const { attempt, id } = await reportPost(refusedOnce, keptInSilence);
    await expect(attempt()).rejects.toMatchObject({ isPermanent: false, mayHaveArrived: false });
    expect(await logged()).toMatchObject([queued(1, REFUSED_FOR_NOW)]);
    await expect(attempt()).rejects.toMatchObject({ isPermanent: false, mayHaveArrived: true });
    expect(await logged()).toMatchObject([queued(2, ANSWER_LOST)]);
    await attempt();
    expect(await logged()).toEqual([
      {
        key: `${id}.purge-report`,
        template: 'purge-report',
        recipient: 'ada@example.org',
        sender: FROM,
        subject: 'Cleanup of copies: nothing to remove',
        ...sent(3),
      },
    ]);
  });

  it.each([
    ['was refused for good', refusedForGood, false, REFUSED],
    ['was refused at the last attempt', refusedOnce, true, REFUSED_FOR_NOW],
    ['was not answered at the last attempt', keptInSilence, true, ANSWER_LOST],
  ])('says that it failed where it %s', async (_what, fault, isLastAttempt, phrase) => {
    const { attempt } = await reportPost(fault);
    await expect(attempt(isLastAttempt)).rejects.toThrow(phrase);
    expect(await logged()).toMatchObject([failed(1, phrase)]);
  });
});

describe('A mail that must not come twice', () => {
  const CODES = ['ABCDEF-ghijkm-23456x', 'NPQRST-uvwxyz-HJKLMN'];
  const codes: MailOrder = {
    template: 'recovery-codes',
    input: {
      account: 'ann@example.org',
      batchNumber: 1,
      issuedAt: new Date(),
      expiresAt: null,
      codes: CODES.map((code, index) => ({ position: index + 1, code })),
    },
  };
  const attempt = { to: 'ann@example.org', key: 'm1.recovery-codes', isLastAttempt: false, isLostAnswerDelivery: true };

  it('counts as sent once all of it was out, and the log says that nobody confirmed it', async () => {
    const { mails, server } = await openPost({ faults: [keptInSilence] });
    await mails.send(codes, attempt);
    expect(await logged()).toMatchObject([{ status: 'SENT', attempts: 1, error: ANSWER_LOST, isSent: true }]);
    await mails.send(codes, attempt);
    expect(server.kept).toHaveLength(1);
    expect(await logged()).toMatchObject([{ attempts: 1 }]);
  });

  it('counts as sent without a log, too', async () => {
    const { mails, server } = await openPost({ faults: [keptInSilence], storeEmailLog: false });
    await mails.send(codes, attempt);
    expect(server.kept).toHaveLength(1);
  });

  it.each([
    ['was refused after the dot', { at: 'dot', deed: { say: '451 not now' } }, REFUSED_FOR_NOW],
    ['was not out', { at: 'DATA', deed: 'drop' }, 'The mail server could not be reached or did not answer to the end.'],
  ] as [string, Fault, string][])('is tried again where it %s', async (_what, fault, phrase) => {
    const { mails, server } = await openPost({ faults: [fault] });
    await expect(mails.send(codes, attempt)).rejects.toThrow(phrase);
    expect(await logged()).toMatchObject([queued(1, phrase)]);
    await mails.send(codes, attempt);
    expect(server.kept).toHaveLength(1);
    expect(await logged()).toMatchObject([sent(2)]);
  });

  it('ends within the time that it is given', async () => {
    const { mails } = await openPost({ faults: [{ at: 'RCPT', deed: 'silence' }] });
    const started = Date.now();
    await expect(mails.send(codes, { ...attempt, isLastAttempt: true, withinMs: 300 })).rejects.toMatchObject({
      mayHaveArrived: false,
    });
    expect(Date.now() - started).toBeLessThan(2_000);
    expect(await logged()).toMatchObject([{ status: 'FAILED', attempts: 1 }]);
  });

  it('leaves none of its codes in the log', async () => {
    const { mails, server } = await openPost({ faults: [refusedOnce] });
    await expect(mails.send(codes, attempt)).rejects.toThrow(REFUSED_FOR_NOW);
    await mails.send(codes, attempt);
    const dump = JSON.stringify(await rules.database.rows('select * from email_log'));
    expect(dump).toContain('Your recovery codes for Acme Keys');
    for (const code of CODES) {
      expect(server.kept[0]).toContain(code);
      for (const part of [code, code.replaceAll('-', ''), ...code.split('-')]) expect(dump).not.toContain(part);
    }
  });
});

describe('A log that cannot be written', () => {
  const unlocked: MailOrder = {
    template: 'account-unlocked',
    input: { origin: { at: new Date(), address: null, client: null } },
  };
  const attempt = { to: 'ann@example.org', key: 'k', isLastAttempt: false };

  /** Lets each write of the log of this kind fail, until the test is over. */
  async function breakLog(on: 'insert' | 'update') {
    await rules.database.rows(
      `create function log_is_broken() returns trigger language plpgsql as $$ begin raise 'broken'; end $$`,
    );
    await rules.database.rows(
      `create trigger broken before ${on} on email_log for each row execute function log_is_broken()`,
    );
    cleanups.push(() => rules.database.rows('drop function log_is_broken cascade'));
  }

  it.each(['insert', 'update'] as const)('at its %s keeps no mail, and has none sent twice', async (on) => {
    const post = await openPost();
    await breakLog(on);
    await orderNotice();
    await turn(post, 'ends');
    await turn(post, 'ends', 600);
    expect(post.server.kept).toHaveLength(1);
    expect(post.logFaults.length).toBeGreaterThan(0);
  });

  it('hides no refusal', async () => {
    const { mails, logFaults } = await openPost({ faults: [refusedOnce] });
    await breakLog('update');
    await expect(mails.send(unlocked, attempt)).rejects.toMatchObject({ reason: 'REFUSED_FOR_NOW' });
    expect(logFaults).toHaveLength(1);
  });

  it('since the database is away has the mail wait: it could not be noted as sent, and would be sent again', async () => {
    const { db, close } = connectDatabase({ url: rules.database.url, poolSize: 1 });
    await close();
    const { mails, server, logFaults } = await openPost({ db });
    await expect(mails.send(unlocked, attempt)).rejects.toThrow('Cannot use a pool after calling end');
    expect(server.connections).toBe(0);
    expect(logFaults).toEqual([]);
  });
});
