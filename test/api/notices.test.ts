import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { issue, makeAccount, PASSWORD, signInAsAdmin, type TestAccount, type TestBatch } from '../support/accounts.js';
import { type Answer, startTestApp, type TestApp } from '../support/app.js';
import { from } from '../support/client-origin.js';
import { later, TOGETHER } from '../support/later-app.js';
import { type DeliveredMail, mailbox } from '../support/mailbox.js';

const HOUR = 3_600;
const CHROME =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp({ ...TOGETHER, CODES_PER_BATCH: '5', LOW_CODES_THRESHOLD: '2' });
});
afterAll(async () => {
  await app.close();
});

interface At {
  readonly on?: TestApp;
  readonly headers?: Record<string, string>;
}

function verify({ token }: TestAccount, code: string, { on = app, headers = from() }: At = {}): Promise<Answer> {
  return on.post(
    'mutation($code: String!) { verifyRecoveryCode(code: $code) { outcome } }',
    { code },
    { token, headers },
  );
}

function byPassword(
  { email }: TestAccount,
  password: string,
  { on = app, headers = from() }: At = {},
): Promise<Answer> {
  return on.post(
    'mutation($email: String!, $password: String!) { signIn(email: $email, password: $password) { session { id } } }',
    { email, password },
    { headers },
  );
}

function byCode({ email }: TestAccount, code: string, { on = app, headers = from() }: At = {}): Promise<Answer> {
  return on.post(
    'mutation($email: String!, $code: String!) { signInWithRecoveryCode(email: $email, code: $code) { session { id } } }',
    { email, code },
    { headers },
  );
}

async function inbox(account: TestAccount): Promise<DeliveredMail[]> {
  return await mailbox(app, account.email);
}

const subjects = (mails: readonly DeliveredMail[]) => mails.map(({ subject }) => subject);

async function issued(): Promise<{ me: TestAccount; batch: TestBatch; code: (n: number) => string }> {
  const me = await makeAccount(app);
  const batch = await issue(app, me);
  return { me, batch, code: (n) => batch.codes[n - 1] as string };
}

const ISSUED = 'New recovery codes at Sparekey';
const USED = 'A recovery code of yours was used at Sparekey';
const SIGNED_IN = 'Signed in with a recovery code at Sparekey';
const LOW = 'You have few recovery codes left at Sparekey';
const EMPTY = 'You have no recovery code left at Sparekey';
const DELETED = 'Your recovery codes at Sparekey were deleted';
const UNLOCKED = 'Your account at Sparekey is unlocked';
const PASSWORD_LOCK = 'Too many wrong passwords for your account at Sparekey';
const CODE_LOCK = 'Too many wrong recovery codes for your account at Sparekey';
const PASSWORD_CEILING = 'Passwords are being refused for your account at Sparekey';
const CODE_CEILING = 'Many wrong recovery codes for your account at Sparekey';

describe('the owner is told', () => {
  it('that codes were issued, and whether earlier ones ended with that', async () => {
    const { me } = await issued();
    await issue(app, me);
    const mails = await inbox(me);
    expect(subjects(mails)).toEqual([ISSUED, ISSUED]);
    expect(mails[0]?.text).toContain('5 recovery codes for Sparekey were issued.');
    expect(mails[0]?.text).not.toContain('no longer work');
    expect(mails[1]?.text).toContain('Codes that you had before no longer work.');
    expect(mails[1]?.text).toMatch(/no\. 2\b/);
  });

  it('that a code was used, when from where and by which browser, and how many are left', async () => {
    const { me, code } = await issued();
    await verify(me, code(4), { headers: from('192.0.2.44', CHROME) });
    const used = (await inbox(me)).at(-1);
    expect(used?.subject).toBe(USED);
    for (const fact of ['no. 4 of batch 1', '192.0.2.44', 'Chrome on macOS', '4 recovery codes are left', 'UTC']) {
      expect(used?.text).toContain(fact);
    }
  });

  it('that somebody signed in by a code', async () => {
    const { me, code } = await issued();
    expect((await byCode(me, code(1))).errors).toEqual([]);
    expect(subjects(await inbox(me))).toEqual([ISSUED, SIGNED_IN]);
  });

  it('that few codes are left, once, and that none is', async () => {
    const { me, batch } = await issued();
    for (const code of batch.codes) await verify(me, code);
    const told = subjects(await inbox(me)).slice(1);
    expect(told.toSorted()).toEqual([USED, USED, USED, USED, USED, LOW, EMPTY].toSorted());
    expect(told.indexOf(LOW)).toBeLessThan(told.indexOf(EMPTY));
  });

  it('that a batch was deleted, by the owner or by an admin', async () => {
    const headers = from('192.0.2.98');
    const remove = (id: string, token: string) =>
      app.post(
        'mutation($id: ID!) { deleteRecoveryCodeBatch(batchId: $id) { batch { id } } }',
        { id },
        { token, headers },
      );
    const { me, batch, code } = await issued();
    await verify(me, code(1));
    await remove(batch.id, me.token);
    await remove(batch.id, me.token);
    const second = await issue(app, me);
    await remove(second.id, (await signInAsAdmin(app)).token);
    const mails = (await inbox(me)).filter(({ subject }) => subject === DELETED);
    expect(mails).toHaveLength(2);
    expect(mails[0]?.text).toMatch(/You have deleted a batch of your recovery codes .* 4 usable codes went with it/);
    expect(mails[1]?.text).toMatch(/An admin has deleted a batch of your recovery codes .* 5 usable codes/);
    expect(mails.map(({ text }) => text.includes('192.0.2.98'))).toEqual([true, false]);
  });

  it('that the account was unlocked, without telling from where the admin came', async () => {
    const me = await makeAccount(app);
    const admin = await signInAsAdmin(app);
    const headers = from('192.0.2.99');
    await app.post(
      'mutation($id: ID!) { unlockAccount(accountId: $id) { id } }',
      { id: me.id },
      { token: admin.token, headers },
    );
    const mails = await inbox(me);
    expect(subjects(mails)).toEqual([UNLOCKED]);
    expect(mails[0]?.text).not.toContain('192.0.2.99');
  });

  it('in every mail under a name of its own that follows from the message', async () => {
    const { me, batch } = await issued();
    for (const code of batch.codes) await verify(me, code);
    const names = (await inbox(me)).map(({ messageId }) => messageId);
    expect(new Set(names).size).toBe(names.length);
    const rows = await app.database.rows<{ id: string }>(`select id from outbox where payload->>'accountId' = $1`, [
      me.id,
    ]);
    const ids = new Set(rows.map(({ id }) => id));
    for (const name of names) {
      const [, id] = /^<([0-9a-f-]{36})\.[a-z-]+@localhost>$/.exec(name) ?? [];
      expect(ids).toContain(id);
    }
  });

  it('no code, password or token in any of them', async () => {
    const { me, batch, code } = await issued();
    await byCode(me, code(2));
    await byPassword(me, 'a wrong password that I typed');
    await verify(me, 'a wrong code');
    for (const { text } of await inbox(me)) {
      for (const secret of [...batch.codes, me.token, me.refreshToken, PASSWORD, 'that I typed', 'a wrong code']) {
        expect(text).not.toContain(secret);
      }
    }
  });
});

describe('a lock-out', () => {
  it('is told once in 24 hours, however long it goes on', async () => {
    const me = await makeAccount(app);
    const headers = from('192.0.2.50');
    for (let n = 0; n < 8; n += 1) await byPassword(me, 'wrong', { headers });
    const mails = await inbox(me);
    expect(subjects(mails)).toEqual([PASSWORD_LOCK]);
    expect(mails[0]?.text).toContain('192.0.2.50');
    await later(app, 2 * HOUR, async (on) => {
      for (let n = 0; n < 3; n += 1) await byPassword(me, 'wrong', { on, headers });
      for (let n = 0; n < 6; n += 1) await byPassword(me, 'wrong', { on, headers: from('192.0.2.51') });
      expect(await inbox(me)).toHaveLength(1);
    });
    await later(app, 25 * HOUR, async (on) => {
      for (let n = 0; n < 6; n += 1) await byPassword(me, 'wrong', { on, headers });
      expect(subjects(await inbox(me))).toEqual([PASSWORD_LOCK, PASSWORD_LOCK]);
    });
  });

  it('is told for codes by itself, and again after an admin has unlocked the account', async () => {
    const { me } = await issued();
    const headers = from();
    for (let n = 0; n < 6; n += 1) await byCode(me, `wrong ${n}`, { headers });
    expect(subjects(await inbox(me)).slice(1)).toEqual([CODE_LOCK]);
    for (let n = 0; n < 6; n += 1) await byPassword(me, 'wrong', { headers });
    expect(subjects(await inbox(me)).slice(1)).toEqual([CODE_LOCK, PASSWORD_LOCK]);
    const admin = await signInAsAdmin(app);
    await app.post(
      'mutation($id: ID!) { unlockAccount(accountId: $id) { id } }',
      { id: me.id },
      { token: admin.token },
    );
    for (let n = 0; n < 6; n += 1) await byCode(me, `wrong ${n}`, { headers });
    expect(subjects(await inbox(me)).slice(1)).toEqual([CODE_LOCK, PASSWORD_LOCK, UNLOCKED, CODE_LOCK]);
  });

  it('of an address that nobody has, or that waits for its verification, is told nobody', async () => {
    const me = await makeAccount(app);
    await app.database.rows('update accounts set email_verified_at = null where id = $1', [me.id]);
    const headers = from();
    for (let n = 0; n < 6; n += 1) await byPassword(me, 'wrong', { headers });
    for (let n = 0; n < 6; n += 1) await byPassword({ ...me, email: `x-${me.email}` }, 'wrong', { headers });
    expect(subjects(await inbox(me)).filter((subject) => !subject.startsWith('Confirm your'))).toEqual([]);
    expect(await inbox({ ...me, email: `x-${me.email}` })).toEqual([]);
  });
});

describe('the ceiling of failures from wherever', () => {
  const CEILING = { ACCOUNT_PASSWORD_CEILING: '6' };

  it('is told once a day for passwords, which are refused then but from known networks', async () => {
    await later(
      app,
      0,
      async (on) => {
        const me = await makeAccount(app);
        for (let n = 0; n < 6; n += 1) await byPassword(me, 'wrong', { on });
        expect((await byPassword(me, PASSWORD, { on })).code).toBe('RATE_LIMITED');
        expect((await byPassword(me, 'wrong', { on })).code).toBe('RATE_LIMITED');
        expect(subjects(await inbox(me))).toEqual([PASSWORD_CEILING]);
        expect((await byPassword(me, PASSWORD, { on, headers: from('127.0.0.1') })).errors).toEqual([]);
      },
      CEILING,
    );
  });

  it('is told once a day for codes, which go on being accepted', async () => {
    await later(
      app,
      0,
      async (on) => {
        const { me, code } = await issued();
        for (let n = 0; n < 9; n += 1) await byCode(me, `wrong ${n}`, { on });
        expect(subjects(await inbox(me)).slice(1)).toEqual([CODE_CEILING]);
        expect((await byCode(me, code(1), { on })).errors).toEqual([]);
        expect(subjects(await inbox(me)).slice(1)).toEqual([CODE_CEILING, SIGNED_IN]);
      },
      CEILING,
    );
  });
});
