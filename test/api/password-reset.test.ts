import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import {
  ACKNOWLEDGED,
  type At,
  auditOf,
  codeOfMe,
  liveTokens,
  mailWith,
  NEW_PASSWORD,
  newEmail,
  plantToken,
  register,
  requestReset,
  resetPassword,
  trySignIn,
  verifyEmail,
} from '../support/account-operations.js';
import { issue, makeAccount, PASSWORD, signIn, type TestAccount } from '../support/accounts.js';
import { type Answer, startTestApp, type TestApp } from '../support/app.js';
import { from, newAddress } from '../support/client-origin.js';
import { later, TOGETHER } from '../support/later-app.js';
import { metric } from '../support/metrics.js';
import { requestsDone } from '../support/requests-done.js';

const HOUR = 3_600;
const SUBJECT = /^Set a new password for Sparekey$/;

let app: TestApp;
let at: At;

beforeAll(async () => {
  app = await startTestApp(TOGETHER);
  at = { on: app };
});
afterAll(() => app.close());

/** The token of a mail that was asked for just now. */
async function mailedToken(email: string, atLeast = 1): Promise<string> {
  expect((await requestReset(at, email)).data['requestPasswordReset']).toEqual(ACKNOWLEDGED);
  return (await mailWith(app, email, SUBJECT, atLeast)).token as string;
}

async function unverified(password = PASSWORD): Promise<{ id: string; email: string; token: string }> {
  const email = newEmail();
  await register(at, email, password);
  const { token } = await mailWith(app, email, /^Confirm your e-mail address/);
  const [row] = await app.database.rows<{ id: string }>('select id from accounts where email_key = $1', [email]);
  return { id: row?.id as string, email, token: token as string };
}

const hashes = () => metric(app.url, 'sparekey_hashes_total{kind="password"}');

describe('a forgotten password', () => {
  it('is set anew from the mail, once, and only the new one signs in', async () => {
    const me = await makeAccount(app);
    const token = await mailedToken(me.email);
    const { text } = await mailWith(app, me.email, SUBJECT);
    expect(text).toContain(`http://localhost:4000/reset-password#token=${token}`);
    expect(text).toContain('The link works once, for 1 hour');

    const before = await hashes();
    expect((await resetPassword(at, token)).data['resetPassword']).toEqual(ACKNOWLEDGED);
    expect((await hashes()) - before).toBe(1);
    expect((await trySignIn(at, me.email, PASSWORD)).code).toBe('INVALID_CREDENTIALS');
    expect((await trySignIn(at, me.email, NEW_PASSWORD)).errors).toEqual([]);
    expect((await resetPassword(at, token, 'yet another password 3')).code).toBe('INVALID_TOKEN');
    expect((await trySignIn(at, me.email, NEW_PASSWORD)).errors).toEqual([]);
  });

  it('keeps of the token only its hash, and in the outbox neither token nor address once it is mailed', async () => {
    const me = await makeAccount(app);
    const token = await mailedToken(me.email);
    const rows = await app.database.rows(
      'select purpose, token_hash, email_key from verification_tokens where account_id = $1',
      [me.id],
    );
    const token_hash = createHash('sha256').update(token).digest();
    expect(rows).toEqual([{ purpose: 'PASSWORD_RESET', token_hash, email_key: me.email }]);
    await requestsDone(app.database);
    const outbox = await app.database.rows(
      `select topic from outbox where sealed is not null or payload::text ~ $1 or payload::text ~ $2`,
      [token, me.email],
    );
    expect(outbox).toEqual([]);
  });

  it('ends every session, every other token and a change of address under way, and tells so', async () => {
    const me = await makeAccount(app);
    const second = await signIn(app, me.email, PASSWORD);
    const planted = await plantToken(app, { accountId: me.id, purpose: 'PASSWORD_RESET', email: me.email });
    await app.database.rows(
      `insert into email_change_requests (id, account_id, new_email, new_email_key, expires_at)
       values (gen_random_uuid(), $1, 'b@example.org', 'b@example.org', now() + interval '1 hour')`,
      [me.id],
    );
    const token = await plantToken(app, { accountId: me.id, purpose: 'PASSWORD_RESET', email: me.email });
    expect((await resetPassword({ ...at, token: me.token }, token)).errors).toEqual([]);

    for (const { token: access, refreshToken } of [me, second]) {
      expect(await codeOfMe(app, access)).toBe('UNAUTHENTICATED');
      const refresh = 'mutation($t: String!) { refreshSession(refreshToken: $t) { accessToken } }';
      expect((await app.post(refresh, { t: refreshToken })).code).toBe('SESSION_EXPIRED');
    }
    expect(await liveTokens(app, me.id)).toBe(0);
    expect((await resetPassword(at, planted)).code).toBe('INVALID_TOKEN');
    expect(await app.database.rows('select 1 from email_change_requests where account_id = $1', [me.id])).toEqual([]);
    const audit = await auditOf(app, me.id);
    expect(audit).toEqual(
      expect.arrayContaining([
        'PASSWORD_CHANGED reset',
        'EMAIL_CHANGE_CANCELLED password changed',
        `SESSION_REVOKED ${me.sessionId}`,
        `SESSION_REVOKED ${second.sessionId}`,
      ]),
    );
    const { text } = await mailWith(app, me.email, /^Your password at Sparekey was changed$/);
    expect(text.replaceAll(/\s+/g, ' ')).toContain('was set anew by a mailed link, and every session was ended');
  });

  it('leaves what follows in the same document to nobody', async () => {
    const me = await makeAccount(app);
    const token = await plantToken(app, { accountId: me.id, purpose: 'PASSWORD_RESET', email: me.email });
    const answer = await app.post(
      `mutation($token: String!, $password: String!) {
        resetPassword(token: $token, newPassword: $password) { acknowledged } signOut { acknowledged } }`,
      { token, password: NEW_PASSWORD },
      { token: me.token },
    );
    expect(answer.errors.map(({ path, extensions }) => [path, extensions?.['code']])).toEqual([
      [['signOut'], 'UNAUTHENTICATED'],
    ]);
  });

  it('leaves recovery codes alone, unless it is told to delete those that work', async () => {
    const me = await makeAccount(app);
    const { id, codes } = await issue(app, me);
    const statusOf = async () =>
      await app.database.rows(`select status, deleted_by as by from recovery_code_batches where id = $1`, [id]);
    await resetPassword(at, await plantToken(app, { accountId: me.id, purpose: 'PASSWORD_RESET', email: me.email }));
    expect(await statusOf()).toEqual([{ status: 'ACTIVE', by: null }]);

    const token = await plantToken(app, { accountId: me.id, purpose: 'PASSWORD_RESET', email: me.email });
    expect((await resetPassword(at, token, 'yet another password 3', true)).errors).toEqual([]);
    expect(await statusOf()).toEqual([{ status: 'PENDING_DELETION', by: me.id }]);
    const byCode = await app.post(
      'mutation($email: String!, $code: String!) { signInWithRecoveryCode(email: $email, code: $code) { accessToken } }',
      { email: me.email, code: codes[0] },
      { headers: from() },
    );
    expect(byCode.code).toBe('INVALID_CREDENTIALS');
    expect(await auditOf(app, me.id)).toContain('BATCH_MARKED_FOR_DELETION');
  });

  it('forgets the wrong passwords, but not the wrong codes', async () => {
    const me = await makeAccount(app);
    const headers = from(newAddress());
    const byCode = () =>
      app.post(
        'mutation($email: String!) { signInWithRecoveryCode(email: $email, code: "wrong") { accessToken } }',
        { email: me.email },
        { headers },
      );
    for (let n = 0; n < 6; n += 1) {
      await trySignIn({ ...at, headers }, me.email, NEW_PASSWORD);
      await byCode();
    }
    expect((await trySignIn({ ...at, headers }, me.email, PASSWORD)).code).toBe('RATE_LIMITED');
    const token = await plantToken(app, { accountId: me.id, purpose: 'PASSWORD_RESET', email: me.email });
    await resetPassword({ ...at, headers }, token);
    expect((await trySignIn({ ...at, headers }, me.email, NEW_PASSWORD)).errors).toEqual([]);
    expect((await byCode()).code).toBe('RATE_LIMITED');
  });

  it('comes to an account without one, too', async () => {
    const me = await makeAccount(app);
    await app.database.rows('update accounts set password_hash = null where id = $1', [me.id]);
    expect((await resetPassword(at, await mailedToken(me.email))).errors).toEqual([]);
    expect((await trySignIn(at, me.email, NEW_PASSWORD)).errors).toEqual([]);
  });
});

describe('an address that waits for its verification', () => {
  it('is verified by the reset, and the password is that of whoever holds the mailbox', async () => {
    const { id, email, token: strangersToken } = await unverified('the password of a stranger');
    const token = await mailedToken(email);
    expect((await resetPassword(at, token)).errors).toEqual([]);
    expect((await trySignIn(at, email, 'the password of a stranger')).code).toBe('INVALID_CREDENTIALS');
    expect((await verifyEmail(at, strangersToken, 'the password of a stranger')).code).toBe('INVALID_TOKEN');
    expect((await trySignIn(at, email, NEW_PASSWORD)).errors).toEqual([]);
    expect(await auditOf(app, id)).toEqual([
      'ACCOUNT_REGISTERED',
      'PASSWORD_RESET_REQUESTED',
      'EMAIL_VERIFIED',
      'PASSWORD_CHANGED reset',
      'SIGN_IN_REJECTED',
      'SIGNED_IN',
    ]);
  });

  it('keeps its link to set a password, mailed at its verification, good for the page it leads to', async () => {
    const { email } = await unverified();
    await register(at, email, NEW_PASSWORD);
    await verifyEmail(at, (await mailWith(app, email, /^Confirm your e-mail address/, 2)).token);
    const { token, text } = await mailWith(app, email, /^Set your password for Sparekey$/);
    expect(text).toContain('/reset-password#token=');
    expect((await resetPassword(at, token, 'the third password of all')).errors).toEqual([]);
    expect((await trySignIn(at, email, 'the third password of all')).errors).toEqual([]);
  });
});

describe('a token', () => {
  const codesOf = (answers: readonly Answer[]) => answers.map(({ code }) => code ?? 'DONE');

  it('is refused when it is unknown, late, for another purpose, of another account, or of an address that was left', async () => {
    const me = await makeAccount(app);
    const other = await makeAccount(app);
    const token = await mailedToken(me.email);
    const late = await later(app, HOUR + 1, async (on) => await resetPassword({ on }, token));
    const [verifies, changes] = [
      await plantToken(app, { accountId: me.id, purpose: 'EMAIL_VERIFICATION', email: me.email }),
      await plantToken(app, { accountId: me.id, purpose: 'EMAIL_CHANGE', email: me.email }),
    ];
    const left = await plantToken(app, { accountId: me.id, purpose: 'PASSWORD_RESET', email: 'left@example.org' });
    const refused = [late];
    for (const wrong of ['nonsense', '', verifies, changes, left]) refused.push(await resetPassword(at, wrong));
    refused.push(await resetPassword({ ...at, token: other.token }, token));
    expect(codesOf(refused)).toEqual(refused.map(() => 'INVALID_TOKEN'));
    expect(new Set(refused.map(({ errors }) => errors[0]?.message)).size).toBe(1);
    // It was good all the time.
    expect((await resetPassword({ ...at, token: me.token }, token)).errors).toEqual([]);
  });

  it('gives way to the one mailed after it', async () => {
    const me = await makeAccount(app);
    const first = await mailedToken(me.email);
    const second = await mailedToken(me.email, 2);
    expect(codesOf([await resetPassword(at, first), await resetPassword(at, second)])).toEqual([
      'INVALID_TOKEN',
      'DONE',
    ]);
  });

  it('outlives passwords that are refused, each by the name of the argument', async () => {
    const me = await makeAccount(app);
    const token = await mailedToken(me.email);
    const before = await hashes();
    for (const bad of [
      'fourteen chars',
      `${me.email} is mine`,
      'my sparekey password',
      'x'.repeat(1025),
      'passwordpassword',
    ]) {
      const { code, errors, text } = await resetPassword(at, token, bad);
      expect([bad, code, errors[0]?.extensions?.['argument']]).toEqual([bad, 'BAD_USER_INPUT', 'newPassword']);
      expect(text).not.toContain(bad);
    }
    expect((await hashes()) - before).toBe(0);
    expect((await resetPassword(at, token)).errors).toEqual([]);
  });

  it('is used once, however many try it at once: one of the passwords is the one', async () => {
    const me = await makeAccount(app);
    const token = await mailedToken(me.email);
    const passwords = Array.from({ length: 4 }, (_, n) => `one of several passwords ${n}`);
    const answers = await Promise.all(passwords.map((password) => resetPassword(at, token, password)));
    expect(codesOf(answers).toSorted()).toEqual(['DONE', ...Array.from({ length: 3 }, () => 'INVALID_TOKEN')]);
    const chosen = passwords[answers.findIndex(({ code }) => code === undefined)];
    const signedIn = [];
    for (const password of passwords) {
      if ((await trySignIn(at, me.email, password)).code === undefined) signedIn.push(password);
    }
    expect(signedIn).toEqual([chosen]);
    expect((await auditOf(app, me.id)).filter((each) => each.startsWith('PASSWORD_CHANGED'))).toHaveLength(1);
  });
});

describe('a reset, at the moment of a sign-in by the old password', () => {
  it('leaves no session that the old one opened', async () => {
    for (let n = 0; n < 2; n += 1) {
      const me = await makeAccount(app);
      const token = await plantToken(app, { accountId: me.id, purpose: 'PASSWORD_RESET', email: me.email });
      const [reset, ...signedIn] = await Promise.all([
        resetPassword(at, token),
        ...Array.from({ length: 4 }, () => trySignIn(at, me.email, PASSWORD)),
      ]);
      expect(reset.errors).toEqual([]);
      const open = await app.database.rows('select 1 from sessions where account_id = $1 and revoked_at is null', [
        me.id,
      ]);
      expect(open).toEqual([]);
      for (const { code, data } of signedIn) {
        if (code === undefined) expect(await codeOfMe(app, data['signIn'].accessToken)).toBe('UNAUTHENTICATED');
        else expect(code).toBe('INVALID_CREDENTIALS');
      }
    }
  });

  it('refuses the one that had been compared before the reset and was about to open its session', async () => {
    const me = await makeAccount(app);
    const token = await plantToken(app, { accountId: me.id, purpose: 'PASSWORD_RESET', email: me.email });
    const holder = await app.database.pool.connect();
    try {
      // The sign-in waits for the row, having compared the old password; so does the reset, behind it.
      await holder.query('begin');
      await holder.query('update accounts set password_hash = $2 where id = $1', [me.id, 'of somebody who was faster']);
      const signingIn = trySignIn(at, me.email, PASSWORD);
      await waitingFor(1);
      const resetting = resetPassword(at, token);
      await waitingFor(2);
      await holder.query('commit');
      expect((await signingIn).code).toBe('INVALID_CREDENTIALS');
      expect((await resetting).errors).toEqual([]);
    } finally {
      holder.release();
    }
  });

  async function waitingFor(count: number): Promise<void> {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const waiting = await app.database.rows(
        `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      if (waiting.length >= count) return;
      if (Date.now() > deadline) throw new Error(`${count} were to wait.`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
});

describe('the pages that mailed links open', () => {
  it.each(['/reset-password', '/confirm-email-change'])('%s is there, under a policy of its own', async (path) => {
    const [first, second] = [await fetch(`${app.url}${path}`), await fetch(`${app.url}${path}`)];
    expect([first.status, first.headers.get('content-type'), first.headers.get('cache-control')]).toEqual([
      200,
      'text/html; charset=utf-8',
      'no-store',
    ]);
    const policy = first.headers.get('content-security-policy') as string;
    const nonce = /script-src 'nonce-([^']+)'/.exec(policy)?.[1];
    expect(await first.text()).toContain(`<script nonce="${nonce}">`);
    expect(policy).toContain("default-src 'none'");
    expect(second.headers.get('content-security-policy')).not.toBe(policy);
  });
});

describe('asking for a link', () => {
  it('is limited for each mailbox, silently, whether or not somebody has it', async () => {
    const me = await makeAccount(app);
    const answers = [];
    for (const email of [me.email, newEmail()]) {
      for (let n = 0; n < 5; n += 1) answers.push(await requestReset(at, email));
    }
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    await requestsDone(app.database);
    expect((await auditOf(app, me.id)).filter((each) => each === 'PASSWORD_RESET_REQUESTED')).toHaveLength(3);
  });

  it('tells an audit of refusals without anything that was typed', async () => {
    const address = newAddress();
    const email = newEmail();
    for (let n = 0; n < 5; n += 1) await requestReset({ ...at, headers: from(address) }, email);
    await requestsDone(app.database);
    const rows = await app.database.rows(
      `select action, reason, count, account_id as account from audit_events where ip_address = $1`,
      [address],
    );
    expect(rows).toEqual([{ action: 'RATE_LIMITED', reason: 'SEND_MAIL', count: 2, account: null }]);
  });

  it('mails nothing to an address without an account, and makes none', async () => {
    const email = newEmail();
    await requestReset(at, email);
    await requestsDone(app.database);
    expect(await app.database.rows('select 1 from accounts where email_key = $1', [email])).toEqual([]);
    expect(await app.mails(email, 0)).toEqual([]);
  });

  it('refuses what is no address', async () => {
    const { code, errors } = await requestReset(at, 'no address');
    expect([code, errors[0]?.extensions?.['argument']]).toEqual(['BAD_USER_INPUT', 'email']);
  });

  it('takes an address in whatever case', async () => {
    const me: TestAccount = await makeAccount(app);
    await requestReset(at, me.email.toUpperCase());
    expect((await mailWith(app, me.email, SUBJECT)).token).toMatch(/^[\w-]{43}$/);
  });
});
