import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash, randomUUID } from 'node:crypto';
import { makeAccount, PASSWORD, signIn } from '../support/accounts.js';
import { type Answer, type Mail, startTestApp, type TestApp } from '../support/app.js';
import { from, newAddress } from '../support/client-origin.js';
import { later, TOGETHER } from '../support/later-app.js';
import { metric } from '../support/metrics.js';
import { requestsDone } from '../support/requests-done.js';

const OTHER_PASSWORD = 'another password, 2 of 2';
const ALIKE = { acknowledged: true };
const HOUR = 3_600;

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp(TOGETHER);
});
afterAll(async () => {
  await app.close();
});

interface At {
  readonly on?: TestApp;
  readonly headers?: Record<string, string>;
  readonly token?: string;
}

const newEmail = () => `${randomUUID()}@example.org`;

function register(email: string, password = PASSWORD, { on = app, headers = from() }: At = {}): Promise<Answer> {
  return on.post(
    'mutation($email: String!, $password: String!) { register(email: $email, password: $password) { acknowledged } }',
    { email, password },
    { headers },
  );
}

function verify(token: string | undefined, password?: string, { on = app, ...options }: At = {}): Promise<Answer> {
  return on.post(
    'mutation($token: String!, $password: String) { verifyEmail(token: $token, password: $password) { acknowledged } }',
    { token, password },
    options,
  );
}

function resend(email: string, { on = app, headers = from() }: At = {}): Promise<Answer> {
  return on.post(
    'mutation($email: String!) { resendEmailVerification(email: $email) { acknowledged } }',
    { email },
    { headers },
  );
}

function trySignIn(email: string, password: string, { on = app, headers = from() }: At = {}): Promise<Answer> {
  return on.post(
    'mutation($email: String!, $password: String!) { signIn(email: $email, password: $password) { session { id } } }',
    { email, password },
    { headers },
  );
}

interface AccountRow {
  readonly id: string;
  readonly email: string;
  readonly isVerified: boolean;
  readonly hasPassword: boolean;
}

function accountRows(email: string): Promise<AccountRow[]> {
  return app.database.rows<AccountRow>(
    `select id, email, email_verified_at is not null as "isVerified", password_hash is not null as "hasPassword"
     from accounts where email_key = $1`,
    [email.toLowerCase()],
  );
}

async function liveTokens(email: string): Promise<number> {
  const [row] = await app.database.rows<{ count: number }>(
    `select count(*)::int as count from verification_tokens t join accounts a on a.id = t.account_id
     where a.email_key = $1 and t.used_at is null`,
    [email.toLowerCase()],
  );
  return row?.count ?? 0;
}

/** The mails that the server has ordered for an address, delivered or not; waits for those that it orders after the answer. */
async function ordered(email: string): Promise<string[]> {
  await requestsDone(app.database);
  const rows = await app.database.rows<{ topic: string }>(
    `select topic from outbox
     where payload->>'accountId' = (select id::text from accounts where email_key = $1) order by id`,
    [email.toLowerCase()],
  );
  return rows.map(({ topic }) => topic);
}

async function settledMails(email: string): Promise<Mail[]> {
  return await app.mails(email, (await ordered(email)).length);
}

async function registered(password = PASSWORD): Promise<{ email: string; token: string }> {
  const email = newEmail();
  expect((await register(email, password)).data['register']).toEqual(ALIKE);
  const [mail] = await app.mails(email);
  return { email, token: mail?.token as string };
}

async function auditOf(email: string): Promise<string[]> {
  const rows = await app.database.rows<{ action: string }>(
    `select e.action from audit_events e join accounts a on a.id = e.account_id where a.email_key = $1 order by e.id`,
    [email.toLowerCase()],
  );
  return rows.map((row) => row.action);
}

describe('registering', () => {
  it('mails a link whose token verifies the address with the password registered', async () => {
    const { email, token } = await registered();
    const [mail] = await app.mails(email);
    expect(mail?.text).toContain(`http://localhost:4000/verify-email#token=${token}`);
    expect(await accountRows(email)).toMatchObject([{ email, isVerified: false, hasPassword: false }]);

    const answer = await verify(token, PASSWORD);
    expect(answer.errors).toEqual([]);
    expect(answer.data['verifyEmail']).toEqual(ALIKE);
    expect(await accountRows(email)).toMatchObject([{ email, isVerified: true, hasPassword: true }]);
    expect((await signIn(app, email, PASSWORD)).email).toBe(email);
    expect(await auditOf(email)).toEqual(['ACCOUNT_REGISTERED', 'EMAIL_VERIFIED', 'SIGNED_IN']);
  });

  it('keeps of the token only its hash, and in the outbox nothing once it is mailed', async () => {
    const { email, token } = await registered();
    const [account] = await accountRows(email);
    const rows = await app.database.rows<{ tokenHash: Buffer; passwordHash: string }>(
      `select token_hash as "tokenHash", password_hash as "passwordHash" from verification_tokens where account_id = $1`,
      [account?.id],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.tokenHash).toEqual(createHash('sha256').update(token).digest());
    expect(rows[0]?.passwordHash).toMatch(/^\$argon2id\$v=19\$(?=.*\bm=19456\b)(?=.*\bt=2\b)(?=.*\bp=1\b)/);
    const outbox = await app.database.rows(
      `select sealed, delivered_at is not null as delivered, payload::text ~ $2 as tells from outbox where payload->>'accountId' = $1`,
      [account?.id, token],
    );
    expect(outbox).toEqual([{ sealed: null, delivered: true, tells: false }]);
  });

  it('takes an address as the same in whatever case and Unicode form, and mails to its plain form', async () => {
    const plain = newEmail();
    const asTyped = plain.replace(/^[^@]+/, (mailbox) => mailbox.toUpperCase());
    await register(asTyped);
    const wide = plain
      .replace('@', '＠')
      .replaceAll(/[a-z]/g, (letter) => String.fromCodePoint((letter.codePointAt(0) as number) + 0xfee0));
    const typed = await register(` ${wide} `);
    expect(typed.errors).toEqual([]);
    await register(plain);
    await requestsDone(app.database);
    expect(await accountRows(plain)).toMatchObject([{ email: asTyped }]);
    expect(await app.mails(asTyped, 3)).toHaveLength(3);

    const other = newEmail();
    await register(other.replace(/^./, 'ｆ').replace('example', 'ｅｘａｍｐｌｅ'));
    const mailed = `f${other.slice(1)}`;
    await requestsDone(app.database);
    expect(await accountRows(mailed)).toMatchObject([{ email: mailed }]);
    expect(await app.mails(mailed)).toHaveLength(1);
  });

  it('makes one account of parallel registrations, each with a link of its own', async () => {
    const email = newEmail();
    const answers = await Promise.all([1, 2, 3].map((n) => register(email, `${PASSWORD} ${n}`)));
    expect(answers.map((answer) => answer.data['register'])).toEqual([ALIKE, ALIKE, ALIKE]);
    expect(await accountRows(email)).toHaveLength(1);
    const mails = await app.mails(email, 3);
    expect(new Set(mails.map((mail) => mail.token)).size).toBe(3);
  });

  it('refuses what is no address and what is no password, and changes nothing', async () => {
    const counts = 'select (select count(*) from accounts) as accounts, (select count(*) from outbox) as messages';
    await requestsDone(app.database);
    const before = await app.database.rows(counts);
    const mailbox = randomUUID();
    const refused: [string, string, string][] = [
      ['no address', PASSWORD, 'email'],
      ['two@example.org, three@example.org', PASSWORD, 'email'],
      [`${mailbox}@example.org`, 'fourteen chars', 'password'],
      [`${mailbox}@example.org`, `${mailbox} is mine`, 'password'],
      [`${mailbox}@example.org`, 'I trust my SPAREKEY server', 'password'],
      [`${mailbox}@example.org`, 'x'.repeat(1025), 'password'],
    ];
    for (const [email, password, argument] of refused) {
      const answer = await register(email, password);
      expect([email, answer.code]).toEqual([email, 'BAD_USER_INPUT']);
      expect(answer.errors[0]?.extensions).toMatchObject({ argument });
      expect(answer.text).not.toContain(password);
    }
    expect(await app.database.rows(counts)).toEqual(before);
  });

  it('is refused where registration is closed, before any hash', async () => {
    await later(
      app,
      0,
      async (closed) => {
        const email = newEmail();
        const answer = await register(email, PASSWORD, { on: closed });
        expect(answer.code).toBe('FORBIDDEN');
        await requestsDone(app.database);
        expect(await accountRows(email)).toEqual([]);
        expect(await metric(closed.url, 'sparekey_hashes_total{kind="password"}')).toBe(0);
        expect((await closed.post('{ service { isRegistrationOpen } }')).data['service'].isRegistrationOpen).toBe(
          false,
        );
      },
      { REGISTRATION_OPEN: 'false' },
    );
  });
});

describe('verifying an address', () => {
  it('refuses a wrong password, and the token stays usable', async () => {
    const { email, token } = await registered();
    const wrong = await verify(token, OTHER_PASSWORD);
    expect(wrong.code).toBe('INVALID_CREDENTIALS');
    expect(await accountRows(email)).toMatchObject([{ isVerified: false, hasPassword: false }]);
    expect(await liveTokens(email)).toBe(1);
    expect((await verify(token, PASSWORD)).data['verifyEmail']).toEqual(ALIKE);
  });

  it.each([undefined, ''])(
    'takes over the password without being given one (%j) when it was the only one registered',
    async (password) => {
      const { email, token } = await registered();
      expect((await verify(token, password)).data['verifyEmail']).toEqual(ALIKE);
      expect((await trySignIn(email, PASSWORD)).errors).toEqual([]);
      expect(await ordered(email)).toEqual(['email-verification-requested']);
    },
  );

  it('takes over the one password when its link was mailed several times', async () => {
    const { email } = await registered();
    expect((await resend(email)).data['resendEmailVerification']).toEqual(ALIKE);
    const mails = await app.mails(email, 2);
    expect((await verify(mails[1]?.token)).errors).toEqual([]);
    expect((await trySignIn(email, PASSWORD)).errors).toEqual([]);
    expect(await liveTokens(email)).toBe(0);
  });

  it('leaves the account without a password, and mails a link to set one, when several were registered', async () => {
    const { email, token } = await registered();
    await register(email, OTHER_PASSWORD);
    await app.mails(email, 2);
    expect((await verify(token)).data['verifyEmail']).toEqual(ALIKE);
    expect(await accountRows(email)).toMatchObject([{ isVerified: true, hasPassword: false }]);
    for (const password of [PASSWORD, OTHER_PASSWORD]) {
      expect((await trySignIn(email, password)).code).toBe('INVALID_CREDENTIALS');
    }
    const mails = await app.mails(email, 3);
    const wanted = mails.find((mail) => mail.subject === 'Set your password for Sparekey');
    expect(wanted?.text).toContain(`http://localhost:4000/reset-password#token=${wanted?.token}`);
    const tokens = await app.database.rows(
      `select purpose from verification_tokens where token_hash = $1 and used_at is null`,
      [
        createHash('sha256')
          .update(wanted?.token as string)
          .digest(),
      ],
    );
    expect(tokens).toEqual([{ purpose: 'PASSWORD_RESET' }]);
    expect((await verify(wanted?.token)).code).toBe('INVALID_TOKEN');
  });

  it('lets whoever verifies have chosen the password: a stranger who registered first gains nothing', async () => {
    const { email, token: strangersToken } = await registered(OTHER_PASSWORD);
    await register(email, PASSWORD);
    const mails = await app.mails(email, 2);
    const ownToken = mails.find((mail) => mail.token !== strangersToken)?.token;

    const byTheWrongLink = await verify(strangersToken, PASSWORD);
    expect(byTheWrongLink.code).toBe('INVALID_CREDENTIALS');
    expect((await verify(ownToken, PASSWORD)).errors).toEqual([]);

    expect((await trySignIn(email, OTHER_PASSWORD)).code).toBe('INVALID_CREDENTIALS');
    expect((await trySignIn(email, PASSWORD)).errors).toEqual([]);
    expect((await verify(strangersToken, OTHER_PASSWORD)).code).toBe('INVALID_TOKEN');
    expect(await liveTokens(email)).toBe(0);
    expect((await trySignIn(email, OTHER_PASSWORD)).code).toBe('INVALID_CREDENTIALS');
  });

  it('gives a stranger who used the limit of mails up no password, though the registration after it is silent', async () => {
    const { email } = await registered(OTHER_PASSWORD);
    for (let n = 0; n < 3; n += 1) await resend(email);
    const mails = await app.mails(email, 3);
    expect((await register(email, PASSWORD)).data['register']).toEqual(ALIKE);
    const orders = Array.from({ length: 3 }, () => 'email-verification-requested');
    expect(await ordered(email)).toEqual(orders);
    expect(mails).toHaveLength(3);

    expect((await verify(mails.at(-1)?.token)).data['verifyEmail']).toEqual(ALIKE);
    expect(await accountRows(email)).toMatchObject([{ isVerified: true, hasPassword: false }]);
    for (const password of [OTHER_PASSWORD, PASSWORD]) {
      expect((await trySignIn(email, password)).code).toBe('INVALID_CREDENTIALS');
    }
    expect(await ordered(email)).toEqual([...orders, 'password-wanted']);
    expect((await app.mails(email, 4)).map((mail) => mail.subject)).toContain('Set your password for Sparekey');
  });

  it('refuses a live token of an account that is verified already, whose password stays', async () => {
    const me = await makeAccount(app);
    const passwords = () => app.database.rows('select password_hash from accounts where id = $1', [me.id]);
    const before = await passwords();
    const other = await makeAccount(app);
    const [secret, secretOfNone] = [randomUUID(), randomUUID()];
    for (const [token, registrant] of [
      [secret, other.id],
      [secretOfNone, null],
    ] as const) {
      await app.database.rows(
        `insert into verification_tokens (id, account_id, purpose, email_key, token_hash, password_hash, expires_at)
         select $1, id, 'EMAIL_VERIFICATION', email_key, $3, (select password_hash from accounts where id = $4),
           now() + interval '1 hour' from accounts where id = $2`,
        [randomUUID(), me.id, createHash('sha256').update(token).digest(), registrant],
      );
    }
    expect(await liveTokens(me.email)).toBe(2);
    const answers = [await verify(secret, PASSWORD), await verify(secret), await verify(secretOfNone, '')];
    expect(answers.map((answer) => answer.code)).toEqual(['INVALID_TOKEN', 'INVALID_TOKEN', 'INVALID_TOKEN']);
    expect(await passwords()).toEqual(before);
    expect(await auditOf(me.email)).not.toContain('EMAIL_VERIFIED');
    expect((await trySignIn(me.email, PASSWORD)).errors).toEqual([]);
  });

  it('still counts a stranger who registered first and had the link mailed again late', async () => {
    const { email } = await registered(OTHER_PASSWORD);
    await later(app, 20 * HOUR, async (evening) => {
      await resend(email, { on: evening });
      await app.mails(email, 2);
    });
    await later(app, 25 * HOUR, async (nextDay) => {
      await register(email, PASSWORD, { on: nextDay });
      const mails = await app.mails(email, 3);
      expect((await verify(mails.at(-1)?.token, undefined, { on: nextDay })).errors).toEqual([]);
      expect(await accountRows(email)).toMatchObject([{ isVerified: true, hasPassword: false }]);
    });
  });

  it('refuses a token that is unknown, used, void, for another purpose, or of another than the one signed in', async () => {
    const { email, token } = await registered();
    const [account] = await accountRows(email);
    const other = await makeAccount(app);
    const refused = [
      await verify('nonsense', PASSWORD),
      await verify('', PASSWORD),
      await verify(token, PASSWORD, { token: other.token }),
    ];
    const secret = randomUUID();
    await app.database.rows(
      `insert into verification_tokens (id, account_id, purpose, email_key, token_hash, expires_at)
       values ($1, $2, 'PASSWORD_RESET', $3, $4, now() + interval '1 hour')`,
      [randomUUID(), account?.id, email, createHash('sha256').update(secret).digest()],
    );
    refused.push(await verify(secret));
    expect(await accountRows(email)).toMatchObject([{ isVerified: false, hasPassword: false }]);

    await resend(email);
    const [, second] = await app.mails(email, 2);
    expect((await verify(token, PASSWORD)).errors).toEqual([]);
    refused.push(await verify(token, PASSWORD), await verify(second?.token, PASSWORD));
    expect(refused.map((answer) => answer.code)).toEqual(Array.from({ length: 6 }, () => 'INVALID_TOKEN'));
    expect(new Set(refused.map((answer) => answer.errors[0]?.message)).size).toBe(1);
  });

  it('refuses a token after its time', async () => {
    const { email, token } = await registered();
    await later(app, 24 * HOUR + 1, async (nextDay) => {
      expect((await verify(token, PASSWORD, { on: nextDay })).code).toBe('INVALID_TOKEN');
      expect((await verify(token, undefined, { on: nextDay })).code).toBe('INVALID_TOKEN');
      expect(await accountRows(email)).toMatchObject([{ isVerified: false }]);
    });
  });

  it('uses a token once, however many try it at once', async () => {
    const { token } = await registered();
    const answers = await Promise.all(Array.from({ length: 8 }, () => verify(token)));
    const codes = answers.map((answer) => answer.code ?? 'DONE').toSorted();
    expect(codes).toEqual(['DONE', ...Array.from({ length: 7 }, () => 'INVALID_TOKEN')]);
  });
});

describe('an address that is known already', () => {
  it('gets the same answer and a mail that tells so; nothing about it changes', async () => {
    const me = await makeAccount(app);
    const [before] = await app.database.rows('select * from accounts where id = $1', [me.id]);
    const known = await register(me.email, OTHER_PASSWORD);
    const unknown = await register(newEmail(), OTHER_PASSWORD);
    expect(known.text).toBe(unknown.text);
    expect(known.status).toBe(unknown.status);
    const mails = await app.mails(me.email);
    expect(mails.map(({ subject, token }) => [subject, token])).toEqual([
      ['You already have an account at Sparekey', undefined],
    ]);
    expect(await app.database.rows('select * from accounts where id = $1', [me.id])).toEqual([before]);
    expect(await liveTokens(me.email)).toBe(0);
  });

  it('gets no link by asking for another one, and an unknown one neither; the answers are alike', async () => {
    const me = await makeAccount(app);
    const unknown = newEmail();
    const answers = [await resend(me.email), await resend(unknown)];
    expect(answers.map((answer) => answer.text)).toEqual([answers[0]?.text, answers[0]?.text]);
    expect(answers[0]?.data['resendEmailVerification']).toEqual(ALIKE);
    expect(await ordered(me.email)).toEqual([]);
    expect(await accountRows(unknown)).toEqual([]);
  });

  it('costs one password hash, as every address does; past the limit of mails none', async () => {
    const hashes = () => metric(app.url, 'sparekey_hashes_total{kind="password"}');
    const known = await makeAccount(app);
    const { email: waiting } = await registered();
    const { email: silent } = await registered();
    for (let n = 0; n < 3; n += 1) await resend(silent);
    await requestsDone(app.database);
    const before = await hashes();
    for (const email of [newEmail(), known.email, waiting]) await register(email);
    expect((await hashes()) - before).toBe(3);
    await register(silent);
    await requestsDone(app.database);
    expect((await hashes()) - before).toBe(3);
    for (const email of [newEmail(), known.email, waiting, silent]) await trySignIn(email, OTHER_PASSWORD);
    expect((await hashes()) - before).toBe(7);
  });
});

describe('an address that waits for its verification', () => {
  it('cannot sign in; the answer is that of a wrong password, and a new link is mailed', async () => {
    const { email, token } = await registered();
    const refused = await trySignIn(email, PASSWORD);
    const wrong = await trySignIn((await makeAccount(app)).email, OTHER_PASSWORD);
    expect(refused.code).toBe('INVALID_CREDENTIALS');
    expect(refused.text).toBe(wrong.text);
    const mails = await app.mails(email, 2);
    expect(mails).toHaveLength(2);
    const newToken = mails.find((mail) => mail.token !== token)?.token;
    expect((await verify(newToken, PASSWORD)).errors).toEqual([]);
    expect((await trySignIn(email, PASSWORD)).errors).toEqual([]);
  });

  it('cannot sign in by a code either, and holds none', async () => {
    const { email } = await registered();
    const answer = await app.post(
      'mutation($email: String!) { signInWithRecoveryCode(email: $email, code: "any") { accessToken } }',
      { email },
      { headers: from() },
    );
    expect(answer.code).toBe('INVALID_CREDENTIALS');
    expect(await app.mails(email, 2)).toHaveLength(2);
    const sessions = await app.database.rows(
      'select 1 from sessions s join accounts a on a.id = s.account_id where a.email = $1',
      [email],
    );
    expect(sessions).toEqual([]);
  });

  it('is mailed at most three times an hour and ten times a day, silently', async () => {
    const { email } = await registered();
    for (let n = 0; n < 4; n += 1) {
      expect((await resend(email)).data['resendEmailVerification']).toEqual(ALIKE);
      expect((await trySignIn(email, PASSWORD)).code).toBe('INVALID_CREDENTIALS');
    }
    await requestsDone(app.database);
    expect((await register(email)).data['register']).toEqual(ALIKE);
    expect(await ordered(email)).toHaveLength(3);
    for (const [hours, total] of [
      [1.1, 6],
      [2.2, 9],
      [3.3, 10],
      [4.4, 10],
    ] as const) {
      await later(app, hours * HOUR, async (on) => {
        for (let n = 0; n < 4; n += 1) await resend(email, { on });
        expect([hours, (await ordered(email)).length]).toEqual([hours, total]);
      });
    }
    expect(await settledMails(email)).toHaveLength(10);
  });
});

describe('one network address', () => {
  it('has at most twenty mails sent in an hour, silently; the refusals are one audit event', async () => {
    const address = newAddress();
    const emails = Array.from({ length: 24 }, newEmail);
    const answers = await Promise.all(emails.map((email) => register(email, PASSWORD, { headers: from(address) })));
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1);
    await requestsDone(app.database);
    const made = await app.database.rows('select 1 from accounts where email_key = any($1)', [emails]);
    expect(made).toHaveLength(20);
    const refusals = await app.database.rows(
      `select count, reason from audit_events where action = 'RATE_LIMITED' and ip_address = $1`,
      [address],
    );
    expect(refusals).toEqual([{ count: 4, reason: 'SEND_MAIL' }]);
    const elsewhere = newEmail();
    await register(elsewhere);
    await requestsDone(app.database);
    expect(await accountRows(elsewhere)).toHaveLength(1);
  });
});
