import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import {
  ACKNOWLEDGED,
  type At,
  auditOf,
  changePassword,
  codeOfMe,
  liveTokens,
  mailWith,
  NEW_PASSWORD,
  plantToken,
  resetPassword,
  trySignIn,
} from '../support/account-operations.js';
import { issue, makeAccount, PASSWORD, signIn } from '../support/accounts.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { from, newAddress } from '../support/client-origin.js';
import { TOGETHER } from '../support/later-app.js';
import { metric } from '../support/metrics.js';
import { signInByCode } from '../support/scene.js';

const WRONG = 'not the password of the tests';

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp(TOGETHER);
});
afterAll(() => app.close());

const as = (token: string, headers = from()): At => ({ on: app, token, headers });
const hashes = () => metric(app.url, 'sparekey_hashes_total{kind="password"}');
const row = (id: string) => app.database.rows('select * from accounts where id = $1', [id]);

describe('changing the password', () => {
  it('takes the current one, ends the other sessions and voids what was mailed; this session stays', async () => {
    const me = await makeAccount(app);
    const elsewhere = await signIn(app, me.email, PASSWORD);
    const token = await plantToken(app, { accountId: me.id, purpose: 'PASSWORD_RESET', email: me.email });
    const before = await hashes();
    expect((await changePassword(as(me.token))).data['changePassword']).toEqual(ACKNOWLEDGED);
    expect((await hashes()) - before).toBe(2);

    expect(await codeOfMe(app, me.token)).toBeUndefined();
    expect(await codeOfMe(app, elsewhere.token)).toBe('UNAUTHENTICATED');
    expect((await trySignIn({ on: app }, me.email, PASSWORD)).code).toBe('INVALID_CREDENTIALS');
    expect((await trySignIn({ on: app }, me.email, NEW_PASSWORD)).errors).toEqual([]);
    expect((await resetPassword({ on: app }, token)).code).toBe('INVALID_TOKEN');
    expect(await liveTokens(app, me.id)).toBe(0);
    expect(await auditOf(app, me.id)).toEqual([
      'SIGNED_IN',
      'SIGNED_IN',
      'PASSWORD_CHANGED changed',
      `SESSION_REVOKED ${elsewhere.sessionId}`,
      'SIGN_IN_REJECTED',
      'SIGNED_IN',
    ]);
    const { text } = await mailWith(app, me.email, /^Your password at Sparekey was changed$/);
    expect(text.replaceAll(/\s+/g, ' ')).toContain('was changed, and every other session was ended');
  });

  it('deletes the codes that work only where it is told to', async () => {
    const me = await makeAccount(app);
    const { id } = await issue(app, me);
    const status = async () =>
      (await app.database.rows<{ status: string }>('select status from recovery_code_batches where id = $1', [id]))[0]
        ?.status;
    await changePassword(as(me.token));
    expect(await status()).toBe('ACTIVE');
    const again = { currentPassword: NEW_PASSWORD, newPassword: PASSWORD, revokeRecoveryCodes: true };
    expect((await changePassword(as(me.token), again)).errors).toEqual([]);
    expect(await status()).toBe('PENDING_DELETION');
  });

  it('is open to a session by recovery code, which knows the password', async () => {
    const me = await makeAccount(app);
    const { codes } = await issue(app, me);
    const { token } = await signInByCode(app, me.email, codes[0] as string);
    expect((await changePassword(as(token))).errors).toEqual([]);
    expect(await codeOfMe(app, me.token)).toBe('UNAUTHENTICATED');
  });

  it('refuses a wrong current password as a failed sign-in, until nothing is tried any more', async () => {
    const me = await makeAccount(app);
    const before = await row(me.id);
    const headers = from(newAddress());
    for (let n = 0; n < 5; n += 1) {
      expect((await changePassword(as(me.token, headers), { currentPassword: WRONG })).code).toBe(
        'INVALID_CREDENTIALS',
      );
    }
    const refused = await changePassword(as(me.token, headers));
    expect(refused.code).toBe('RATE_LIMITED');
    expect(refused.errors[0]?.extensions).toMatchObject({ retryAfterSeconds: expect.any(Number) });
    expect((await trySignIn({ on: app, headers }, me.email)).code).toBe('RATE_LIMITED');
    expect(await row(me.id)).toEqual(before);
    expect((await auditOf(app, me.id)).filter((each) => each === 'SIGN_IN_REJECTED')).toHaveLength(5);
  });

  it('refuses a new one that cannot be, or is the current one, before anything is tried', async () => {
    const me = await makeAccount(app);
    const before = await hashes();
    const wide = PASSWORD.replace('password', 'ｐａｓｓｗｏｒｄ');
    for (const newPassword of ['fourteen chars', `${me.email} is mine`, PASSWORD, wide]) {
      const { code, errors, text } = await changePassword(as(me.token), { newPassword });
      expect([newPassword, code, errors[0]?.extensions?.['argument']]).toEqual([
        newPassword,
        'BAD_USER_INPUT',
        'newPassword',
      ]);
      expect(text).not.toContain(newPassword);
    }
    expect((await hashes()) - before).toBe(0);
    expect(await auditOf(app, me.id)).toEqual(['SIGNED_IN']);
  });

  it('tells an account without a password how to come by one, and counts nothing', async () => {
    const me = await makeAccount(app);
    await app.database.rows('update accounts set password_hash = null where id = $1', [me.id]);
    const { code, errors } = await changePassword(as(me.token));
    expect([code, errors[0]?.message]).toEqual(['FORBIDDEN', expect.stringContaining('requestPasswordReset')]);
    expect(await auditOf(app, me.id)).toEqual(['SIGNED_IN']);
  });

  it('is not for an account that signs in elsewhere', async () => {
    const me = await makeAccount(app);
    await app.database.rows(
      `update accounts set origin = 'issuer:https://id.example.org', external_id = $2, email = null, email_key = null,
         password_hash = null where id = $1`,
      [me.id, randomUUID()],
    );
    const { code, errors } = await changePassword(as(me.token));
    expect([code, errors[0]?.message]).toEqual(['FORBIDDEN', expect.stringContaining('signs in elsewhere')]);
  });
});

describe('changes at the same moment', () => {
  it('of the same password leave the session of one, and its password', async () => {
    const me = await makeAccount(app);
    const sessions = [me, await signIn(app, me.email, PASSWORD), await signIn(app, me.email, PASSWORD)];
    const answers = await Promise.all(
      sessions.map(({ token }, n) => changePassword(as(token), { newPassword: `one of several passwords ${n}` })),
    );
    const codes = answers.map(({ code }) => code ?? 'DONE');
    const winner = codes.indexOf('DONE');
    expect(codes.filter((code) => code === 'DONE')).toHaveLength(1);
    // Whoever came later finds the session gone, or, just before that, another password.
    for (const code of codes) expect(['DONE', 'UNAUTHENTICATED', 'INVALID_CREDENTIALS']).toContain(code);
    expect((await trySignIn({ on: app }, me.email, `one of several passwords ${winner}`)).errors).toEqual([]);
    for (const [n, { token }] of sessions.entries()) {
      expect(await codeOfMe(app, token)).toBe(n === winner ? undefined : 'UNAUTHENTICATED');
    }
  });

  it('with a reset end in one of the two passwords: with that of the reset, no session is left', async () => {
    for (let n = 0; n < 3; n += 1) {
      const me = await makeAccount(app);
      const token = await plantToken(app, { accountId: me.id, purpose: 'PASSWORD_RESET', email: me.email });
      const byReset = 'the password of the reset';
      const [changed, reset] = await Promise.all([
        changePassword(as(me.token)),
        resetPassword({ on: app }, token, byReset),
      ]);
      const outcome = [changed.code ?? 'DONE', reset.code ?? 'DONE'];
      // A change voids the token; a reset ends the session.
      expect([
        ['DONE', 'INVALID_TOKEN'],
        ['UNAUTHENTICATED', 'DONE'],
        ['INVALID_CREDENTIALS', 'DONE'],
      ]).toContainEqual(outcome);
      const isReset = outcome[1] === 'DONE';
      expect(await codeOfMe(app, me.token)).toBe(isReset ? 'UNAUTHENTICATED' : undefined);
      expect((await trySignIn({ on: app }, me.email, isReset ? byReset : NEW_PASSWORD)).errors).toEqual([]);
    }
  });
});
