import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  ACKNOWLEDGED,
  type At,
  auditOf,
  cancelEmailChange,
  changePassword,
  codeOfMe,
  confirmEmailChange,
  liveTokens,
  mailWith,
  newEmail,
  plantToken,
  register,
  requestEmailChange,
  requestReset,
  resetPassword,
  trySignIn,
  verifyEmail,
} from '../support/account-operations.js';
import { issue, makeAccount, PASSWORD, signIn, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { from, newAddress } from '../support/client-origin.js';
import { later, TOGETHER } from '../support/later-app.js';
import { mailbox } from '../support/mailbox.js';
import { requestsDone } from '../support/requests-done.js';
import { signInByCode } from '../support/scene.js';
import { statementsOf } from '../support/statements.js';

const DAY = 86_400;
const CURRENT = /^Confirm the new address of your account/;
const NEW = /^Confirm your new address/;
const PENDING = '{ me { email pendingEmailChange { newEmail confirmedByCurrent confirmedByNew expiresAt } } }';

let app: TestApp;
let at: At;

beforeAll(async () => {
  app = await startTestApp(TOGETHER);
  at = { on: app };
});
afterAll(() => app.close());

const as = (token: string, headers = from()): At => ({ on: app, token, headers });

interface Asked {
  readonly me: TestAccount;
  readonly next: string;
  /** The tokens of the two mails. */
  readonly current: string;
  readonly new: string;
}

/** An account that has asked for another address, and got both mails. */
async function asked(me?: TestAccount, next = newEmail()): Promise<Asked> {
  const account = me ?? (await makeAccount(app));
  const { data, errors } = await requestEmailChange(as(account.token), next);
  expect(errors).toEqual([]);
  expect(data['requestEmailChange']).toEqual(ACKNOWLEDGED);
  const [current, offered] = [await mailWith(app, account.email, CURRENT), await mailWith(app, next, NEW)];
  return { me: account, next, current: current.token as string, new: offered.token as string };
}

const pendingOf = async (token: string) => (await app.post(PENDING, {}, { token })).data['me'].pendingEmailChange;
const emailOf = async ({ id }: TestAccount) =>
  (await app.database.rows<{ email: string }>('select email from accounts where id = $1', [id]))[0]?.email;

describe('a change of address', () => {
  it('is asked of both mailboxes, and shown to its owner meanwhile', async () => {
    const { me, next, current, new: offered } = await asked();
    const toCurrent = await mailWith(app, me.email, CURRENT);
    expect(toCurrent.text).toContain(`http://localhost:4000/confirm-email-change#token=${current}`);
    expect(toCurrent.text).toContain(next);
    expect(toCurrent.text.replaceAll(/\s+/g, ' ')).toContain('cancel the change');
    const toNew = await mailWith(app, next, NEW);
    expect(toNew.text).toContain(`http://localhost:4000/confirm-email-change#token=${offered}`);
    // Where the account is now, and who asked from where, is nothing for a mailbox that may be a stranger's.
    expect(toNew.text).not.toContain(me.email);
    expect(current).not.toBe(offered);
    const shown = await pendingOf(me.token);
    expect(shown).toMatchObject({ newEmail: next, confirmedByCurrent: false, confirmedByNew: false });
    expect(Math.abs(Date.parse(shown.expiresAt) - Date.now() - DAY * 1000)).toBeLessThan(60_000);
    expect(await emailOf(me)).toBe(me.email);
  });

  it.each([
    ['current', 'new'],
    ['new', 'current'],
  ] as const)(
    'is made when %s and then %s have confirmed, from the mails, without a session',
    async (first, second) => {
      const made = await asked();
      const { me, next } = made;
      const elsewhere = await signIn(app, me.email, PASSWORD);
      const halfway = await confirmEmailChange(at, made[first]);
      expect(halfway.data['confirmEmailChange']).toMatchObject({ id: me.id, email: me.email });
      expect(await pendingOf(me.token)).toMatchObject({
        confirmedByCurrent: first === 'current',
        confirmedByNew: first === 'new',
      });
      expect(await emailOf(me)).toBe(me.email);

      const done = await confirmEmailChange(at, made[second]);
      expect(done.errors).toEqual([]);
      expect(done.data['confirmEmailChange']).toMatchObject({ id: me.id, email: next });
      for (const { token } of [me, elsewhere]) expect(await codeOfMe(app, token)).toBe('UNAUTHENTICATED');
      expect((await trySignIn(at, me.email)).code).toBe('INVALID_CREDENTIALS');
      const again = await trySignIn(at, next);
      expect(again.errors).toEqual([]);
      expect(await pendingOf(again.data['signIn'].accessToken)).toBeNull();
      expect(await liveTokens(app, me.id)).toBe(0);

      await mailWith(app, next, /^Your account at Sparekey has a new address$/);
      await mailWith(app, me.email, /^Your account at Sparekey has left this address$/);
      expect(await auditOf(app, me.id)).toEqual([
        'SIGNED_IN',
        'EMAIL_CHANGE_REQUESTED',
        'SIGNED_IN',
        'EMAIL_CHANGED',
        ...[me, elsewhere].map(({ sessionId }) => `SESSION_REVOKED ${sessionId}`),
        'SIGNED_IN',
      ]);
    },
  );

  it('keeps the session that confirms it, and ends the others', async () => {
    const { me, next, ...tokens } = await asked();
    const elsewhere = await signIn(app, me.email, PASSWORD);
    await confirmEmailChange(at, tokens.new);
    expect((await confirmEmailChange(as(me.token), tokens.current)).errors).toEqual([]);
    expect((await app.post('{ me { email } }', {}, { token: me.token })).data['me']).toEqual({ email: next });
    expect(await codeOfMe(app, elsewhere.token)).toBe('UNAUTHENTICATED');
    // What is counted from here on is counted under the new address.
    const headers = from(newAddress());
    for (let n = 0; n < 5; n += 1) await changePassword(as(me.token, headers), { currentPassword: 'wrong' });
    expect((await trySignIn({ on: app, headers }, next)).code).toBe('RATE_LIMITED');
  });

  it('frees the old address, and brings mails and codes along', async () => {
    const me = await makeAccount(app);
    const { codes } = await issue(app, me);
    const { next, ...tokens } = await asked(me);
    for (const token of [tokens.current, tokens.new]) await confirmEmailChange(at, token);
    await signInByCode(app, next, codes[0] as string);
    await mailWith(app, next, /^Signed in with a recovery code/);
    await register(at, me.email);
    expect(
      (await verifyEmail(at, (await mailWith(app, me.email, /^Confirm your e-mail address/)).token)).errors,
    ).toEqual([]);
    expect((await trySignIn(at, me.email)).data['signIn'].session.id).not.toBe(me.sessionId);
  });

  it('shows of the account to whoever holds the token what a holder may read, and no more', async () => {
    const { me, ...tokens } = await asked();
    const query = (field: string) =>
      `mutation($t: String!) { confirmEmailChange(token: $t) { id role createdAt ${field} } }`;
    const answer = await app.post(query('lastSignedInAt'), { t: tokens.current });
    expect(answer.errors.map(({ extensions, path }) => [extensions?.['code'], path?.at(-1)])).toEqual([
      ['FORBIDDEN', 'lastSignedInAt'],
    ]);
    const own = await app.post(
      query('lastSignedInAt sessions { id } pendingEmailChange { confirmedByNew }'),
      { t: tokens.new },
      {
        token: me.token,
      },
    );
    expect(own.errors).toEqual([]);
  });
});

describe('asking for another address', () => {
  it('takes the place of an earlier request, whose links are void', async () => {
    const first = await asked();
    const next = newEmail();
    await requestEmailChange(as(first.me.token), next);
    const offered = await mailWith(app, next, NEW);
    const current = await mailWith(app, first.me.email, CURRENT, 2);
    for (const old of [first.current, first.new])
      expect((await confirmEmailChange(at, old)).code).toBe('INVALID_TOKEN');
    expect((await confirmEmailChange(at, offered.token)).errors).toEqual([]);
    expect((await confirmEmailChange(at, current.token)).data['confirmEmailChange']).toMatchObject({ email: next });
  });

  it('needs the password: a wrong one is a failed sign-in, and mails nothing', async () => {
    const me = await makeAccount(app);
    const next = newEmail();
    const headers = from(newAddress());
    for (let n = 0; n < 5; n += 1) {
      expect((await requestEmailChange(as(me.token, headers), next, 'wrong')).code).toBe('INVALID_CREDENTIALS');
    }
    expect((await requestEmailChange(as(me.token, headers), next)).code).toBe('RATE_LIMITED');
    expect((await trySignIn({ on: app, headers }, me.email)).code).toBe('RATE_LIMITED');
    expect(await pendingOf(me.token)).toBeNull();
    expect([...(await mailbox(app, next))]).toEqual([]);
    expect((await mailbox(app, me.email)).filter(({ subject }) => CURRENT.test(subject))).toEqual([]);
  });

  it.each([
    ['no address', 'no address at all'],
    ['two', 'a@example.org, b@example.org'],
    ['the same', undefined],
    ['the same in another case', (email: string) => email.toUpperCase()],
    ['the same in wide letters', (email: string) => email.replace('example', 'ｅｘａｍｐｌｅ')],
  ])('refuses %s', async (_, wrong) => {
    const me = await makeAccount(app);
    const typed = typeof wrong === 'function' ? wrong(me.email) : (wrong ?? me.email);
    const { code, errors } = await requestEmailChange(as(me.token), typed);
    expect([code, errors[0]?.extensions?.['argument']]).toEqual(['BAD_USER_INPUT', 'newEmail']);
    expect(await pendingOf(me.token)).toBeNull();
  });

  it('is told when it is too often, and changes nothing then', async () => {
    const me = await makeAccount(app);
    for (let n = 0; n < 3; n += 1) expect((await requestEmailChange(as(me.token), newEmail())).errors).toEqual([]);
    const before = await pendingOf(me.token);
    const { code, errors } = await requestEmailChange(as(me.token), newEmail());
    expect(code).toBe('RATE_LIMITED');
    const { retryAt, retryAfterSeconds } = errors[0]?.extensions ?? {};
    expect(Math.abs((Date.parse(String(retryAt)) - Date.now()) / 1000 - Number(retryAfterSeconds))).toBeLessThan(3);
    expect(await pendingOf(me.token)).toEqual(before);
    expect(await auditOf(app, me.id)).toContain('RATE_LIMITED SEND_MAIL');
  });

  it('is not for an account without a password', async () => {
    const me = await makeAccount(app);
    await app.database.rows('update accounts set password_hash = null where id = $1', [me.id]);
    expect((await requestEmailChange(as(me.token), newEmail())).code).toBe('FORBIDDEN');
  });

  it('tells by no answer who has the address: known, unknown, unverified, one’s mailbox full', async () => {
    const known = (await makeAccount(app)).email;
    const waiting = newEmail();
    await register(at, waiting);
    const full = newEmail();
    for (let n = 0; n < 4; n += 1) await requestReset(at, full);
    await requestsDone(app.database);
    const answers: object[] = [];
    for (const next of [known, newEmail(), waiting, full]) {
      const me = await makeAccount(app);
      const answer = await requestEmailChange(as(me.token), next);
      await requestsDone(app.database);
      const { newEmail: shown, expiresAt: _, ...pending } = await pendingOf(me.token);
      expect(shown).toBe(next);
      answers.push({ status: answer.status, text: answer.text, pending });
    }
    expect(answers).toEqual(answers.map(() => answers[0]));
    const mails = await mailbox(app, known);
    expect(mails.map(({ subject }) => subject)).toEqual(['Your address was given for another account at Sparekey']);
    expect(mails[0]?.text).not.toMatch(/token|http|Network address/);
    expect((await mailbox(app, waiting)).map(({ subject }) => subject)).toContainEqual(expect.stringMatching(NEW));
    expect(await mailbox(app, full)).toEqual([]);
  });
});

describe('a token', () => {
  it('confirms its side once', async () => {
    const { current, new: offered } = await asked();
    expect((await confirmEmailChange(at, current)).errors).toEqual([]);
    expect((await confirmEmailChange(at, current)).code).toBe('INVALID_TOKEN');
    expect((await confirmEmailChange(at, offered)).errors).toEqual([]);
    for (const used of [current, offered]) expect((await confirmEmailChange(at, used)).code).toBe('INVALID_TOKEN');
  });

  it('is refused when it is unknown, late, for another purpose, or when another account is signed in', async () => {
    const { me, next, current, new: offered } = await asked();
    const other = await makeAccount(app);
    const refused = await later(app, DAY + 1, async (on) => [
      await confirmEmailChange({ on }, current),
      await confirmEmailChange({ on }, offered),
    ]);
    const others = [
      'nonsense',
      '',
      await plantToken(app, { accountId: me.id, purpose: 'PASSWORD_RESET', email: me.email }),
      await plantToken(app, { accountId: me.id, purpose: 'EMAIL_VERIFICATION', email: next }),
      await plantToken(app, { accountId: me.id, purpose: 'EMAIL_CHANGE', email: 'a-third@example.org' }),
      await plantToken(app, { accountId: other.id, purpose: 'EMAIL_CHANGE', email: next }),
    ];
    for (const wrong of others) refused.push(await confirmEmailChange(at, wrong));
    for (const token of [current, offered]) {
      refused.push(await confirmEmailChange(as(other.token), token));
      refused.push(await resetPassword(at, token));
    }
    expect(refused.map(({ code }) => code)).toEqual(refused.map(() => 'INVALID_TOKEN'));
    expect(new Set(refused.map(({ errors }) => errors[0]?.message)).size).toBe(1);
    for (const token of [current, offered]) expect((await confirmEmailChange(at, token)).errors).toEqual([]);
    expect(await emailOf(me)).toBe(next);
  });

  it('is void once the password is changed or reset, and the change is off', async () => {
    for (const end of [
      (me: TestAccount) => changePassword(as(me.token)),
      async (me: TestAccount) => {
        const token = await plantToken(app, { accountId: me.id, purpose: 'PASSWORD_RESET', email: me.email });
        return await resetPassword(at, token);
      },
    ]) {
      const { me, current, new: offered } = await asked();
      expect((await confirmEmailChange(at, offered)).errors).toEqual([]);
      expect((await end(me)).errors).toEqual([]);
      for (const token of [current, offered]) expect((await confirmEmailChange(at, token)).code).toBe('INVALID_TOKEN');
      expect(await auditOf(app, me.id)).toContain('EMAIL_CHANGE_CANCELLED password changed');
      expect(await emailOf(me)).toBe(me.email);
    }
  });
});

describe('taking it back', () => {
  it('voids the links; there is nothing more to take back then', async () => {
    const { me, current, new: offered } = await asked();
    await confirmEmailChange(at, offered);
    expect((await cancelEmailChange(as(me.token))).data['cancelEmailChange']).toEqual(ACKNOWLEDGED);
    expect(await pendingOf(me.token)).toBeNull();
    for (const token of [current, offered]) expect((await confirmEmailChange(at, token)).code).toBe('INVALID_TOKEN');
    expect((await cancelEmailChange(as(me.token))).code).toBe('NOT_FOUND');
    expect(await auditOf(app, me.id)).toEqual(['SIGNED_IN', 'EMAIL_CHANGE_REQUESTED', 'EMAIL_CHANGE_CANCELLED']);
  });

  it('comes too late once it was made, or its time is over', async () => {
    const { me, current, new: offered } = await asked();
    await confirmEmailChange(at, offered);
    await later(app, DAY + 1, async (on) => {
      const { token } = await signIn(on, me.email, PASSWORD);
      expect((await cancelEmailChange({ on, token })).code).toBe('NOT_FOUND');
      expect((await on.post(PENDING, {}, { token })).data['me'].pendingEmailChange).toBeNull();
    });
    await confirmEmailChange(as(me.token), current);
    expect((await cancelEmailChange(as(me.token))).code).toBe('NOT_FOUND');
  });
});

describe('taking it back, at the moment of the last confirmation', () => {
  it('either takes it back or comes too late, and nothing in between', async () => {
    for (let n = 0; n < 3; n += 1) {
      const { me, next, current, new: offered } = await asked();
      await confirmEmailChange(at, current);
      const [cancelled, confirmed] = await Promise.all([
        cancelEmailChange(as(me.token)),
        confirmEmailChange(as(me.token), offered),
      ]);
      const isMade = (await emailOf(me)) === next;
      expect([cancelled.code, confirmed.code]).toEqual(
        isMade ? ['NOT_FOUND', undefined] : [undefined, 'INVALID_TOKEN'],
      );
    }
  });
});

describe('an address that somebody else comes by meanwhile', () => {
  it('cannot be had any more: the confirmation is not noted, and counts once the address is free', async () => {
    const { me, next, current, new: offered } = await asked();
    await confirmEmailChange(at, current);
    const other = await makeAccount(app, { email: next });
    const refused = await confirmEmailChange(at, offered);
    expect(refused.code).toBe('CONFLICT');
    expect(await pendingOf(me.token)).toMatchObject({ confirmedByCurrent: true, confirmedByNew: false });
    expect(await codeOfMe(app, me.token)).toBeUndefined();
    expect([await emailOf(me), await emailOf(other)]).toEqual([me.email, next]);
    await app.database.rows('delete from accounts where id = $1', [other.id]);
    expect((await confirmEmailChange(at, offered)).data['confirmEmailChange']).toMatchObject({ email: next });
  });

  it('belongs to whoever verifies it: a registration that was never verified gives way, with its links', async () => {
    const { me, next, current, new: offered } = await asked();
    await confirmEmailChange(at, current);
    await register(at, next, 'the password of a stranger');
    const { token } = await mailWith(app, next, /^Confirm your e-mail address/);
    const [waiting] = await app.database.rows<{ id: string }>('select id from accounts where email_key = $1', [next]);
    expect((await confirmEmailChange(at, offered)).errors).toEqual([]);
    expect(await emailOf(me)).toBe(next);
    expect((await verifyEmail(at, token, 'the password of a stranger')).code).toBe('INVALID_TOKEN');
    expect((await trySignIn(at, next, 'the password of a stranger')).code).toBe('INVALID_CREDENTIALS');
    expect(await auditOf(app, waiting?.id as string)).toEqual([
      'ACCOUNT_REGISTERED',
      'ACCOUNT_DELETED address confirmed by another',
    ]);
  });

  it('belongs to the registration where that is verified first', async () => {
    const { me, next, current, new: offered } = await asked();
    await register(at, next, 'the password of the first');
    await verifyEmail(at, (await mailWith(app, next, /^Confirm your e-mail address/)).token);
    await confirmEmailChange(at, offered);
    expect((await confirmEmailChange(at, current)).code).toBe('CONFLICT');
    expect(await emailOf(me)).toBe(me.email);
    expect((await trySignIn(at, next, 'the password of the first')).errors).toEqual([]);
  });
});

describe('confirmations at the same moment', () => {
  it('of both sides make the change once', async () => {
    for (let n = 0; n < 3; n += 1) {
      const { me, next, current, new: offered } = await asked();
      const answers = await Promise.all([confirmEmailChange(at, current), confirmEmailChange(at, offered)]);
      expect(answers.map(({ code }) => code)).toEqual([undefined, undefined]);
      expect(answers.map(({ data }) => data['confirmEmailChange'].email)).toContain(next);
      expect(await emailOf(me)).toBe(next);
      expect((await auditOf(app, me.id)).filter((each) => each === 'EMAIL_CHANGED')).toHaveLength(1);
    }
  });

  it('of one side are one', async () => {
    const { current } = await asked();
    const answers = await Promise.all(Array.from({ length: 5 }, () => confirmEmailChange(at, current)));
    const codes = answers.map(({ code }) => code ?? 'DONE').toSorted();
    expect(codes).toEqual(['DONE', ...Array.from({ length: 4 }, () => 'INVALID_TOKEN')]);
  });

  it('of two accounts for one address give it to one of them', async () => {
    const next = newEmail();
    const first = await asked(undefined, next);
    const second = await makeAccount(app);
    await requestEmailChange(as(second.token), next);
    const other = (await mailWith(app, next, NEW, 2)).token as string;
    const current = (await mailWith(app, second.email, CURRENT)).token;
    for (const token of [first.current, current]) await confirmEmailChange(at, token);
    const answers = await Promise.all([confirmEmailChange(at, first.new), confirmEmailChange(at, other)]);
    expect(answers.map(({ code }) => code ?? 'DONE').toSorted()).toEqual(['CONFLICT', 'DONE']);
    expect(await app.database.rows('select 1 from accounts where email_key = $1', [next])).toHaveLength(1);
  });

  it('of two accounts that want one another’s address refuse both', async () => {
    const [a, b] = [await makeAccount(app), await makeAccount(app)];
    const tokens: string[] = [];
    for (const [me, other] of [
      [a, b],
      [b, a],
    ] as const) {
      await requestEmailChange(as(me.token), other.email);
      await confirmEmailChange(at, (await mailWith(app, me.email, CURRENT)).token);
      tokens.push(await plantToken(app, { accountId: me.id, purpose: 'EMAIL_CHANGE', email: other.email }));
    }
    const answers = await Promise.all(tokens.map((token) => confirmEmailChange(at, token)));
    expect(answers.map(({ code }) => code)).toEqual(['CONFLICT', 'CONFLICT']);
    expect([await emailOf(a), await emailOf(b)]).toEqual([a.email, b.email]);
  });

  it('and registrations of the address leave one account of it', async () => {
    for (let n = 0; n < 3; n += 1) {
      const { me, next, current, new: offered } = await asked();
      await confirmEmailChange(at, current);
      const [confirmed] = await Promise.all([
        confirmEmailChange(at, offered),
        register(at, next),
        register(at, next, 'another password, 2 of 2'),
      ]);
      expect(confirmed.errors).toEqual([]);
      await requestsDone(app.database);
      const rows = await app.database.rows('select id from accounts where email_key = $1', [next]);
      expect(rows).toEqual([{ id: me.id }]);
    }
  });

  it('finds the address taken that is being inserted while it looks', async () => {
    const { me, next, current, new: offered } = await asked();
    await confirmEmailChange(at, current);
    const holder = await app.database.pool.connect();
    try {
      await holder.query('begin');
      await holder.query(
        `insert into accounts (id, email, email_key, email_verified_at) values (gen_random_uuid(), $1, $1, now())`,
        [next],
      );
      const confirming = confirmEmailChange(at, offered);
      const deadline = Date.now() + 10_000;
      const waits = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      while ((await app.database.rows(waits)).length === 0 && Date.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      await holder.query('commit');
      expect((await confirming).code).toBe('CONFLICT');
    } finally {
      holder.release();
    }
    expect(await pendingOf(me.token)).toMatchObject({ confirmedByCurrent: true, confirmedByNew: false });
  });
});

describe('what is pending', () => {
  it('is read by the account itself and by an admin, one statement for all', async () => {
    const { me, next } = await asked();
    const admin = await signInAsAdmin(app);
    const query =
      'query($first: Int) { accounts(first: $first) { edges { node { id pendingEmailChange { newEmail } } } } }';
    const costs: string[][] = [];
    let shown: object[] = [];
    for (const first of [1, 100]) {
      const statements = await statementsOf(app.database.pool, async () => {
        const { data, errors } = await app.post(query, { first }, { token: admin.token });
        expect(errors).toEqual([]);
        shown = data['accounts'].edges.map(({ node }: any) => node);
      });
      costs.push(statements.filter((text) => text.includes('email_change_requests')));
    }
    expect(costs.map((statements) => statements.length)).toEqual([1, 1]);
    expect(shown).toContainEqual({ id: me.id, pendingEmailChange: { newEmail: next } });
  });
});
