import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { issue, makeAccount, PASSWORD, signIn, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { ADMIN_EMAIL, type Answer, startTestApp, type TestApp } from '../support/app.js';
import { from, newAddress } from '../support/client-origin.js';
import { later, TOGETHER } from '../support/later-app.js';
import { metric } from '../support/metrics.js';

const WRONG = 'not the password at all';
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

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
}

const PAYLOAD = `accessToken accessTokenExpiresAt refreshToken remainingCount
  account { id email role lastSignedInAt }
  session { id method isCurrent createdAt expiresAt userAgent ipAddress }`;

function byPassword(email: string, password: string, { on = app, headers = from() }: At = {}): Promise<Answer> {
  return on.post(
    `mutation($email: String!, $password: String!) { signIn(email: $email, password: $password) { ${PAYLOAD} } }`,
    { email, password },
    { headers },
  );
}

function byCode(
  input: { email: string; code: string; password?: string },
  { on = app, headers = from() }: At = {},
): Promise<Answer> {
  return on.post(
    `mutation($email: String!, $code: String!, $password: String) {
      signInWithRecoveryCode(email: $email, code: $code, password: $password) { ${PAYLOAD} } }`,
    input,
    { headers },
  );
}

function generate(token: string, currentPassword?: string, { on = app, headers = from() }: At = {}): Promise<Answer> {
  return on.post(
    `mutation($input: GenerateRecoveryCodesInput) { generateRecoveryCodes(input: $input) { codes { code } } }`,
    { input: { currentPassword } },
    { token, headers },
  );
}

function sessionRows(accountId: string) {
  return app.database.rows(`select * from sessions where account_id = $1 order by created_at`, [accountId]);
}

async function audits(accountId: string): Promise<{ action: string; method: string | null; count: number }[]> {
  return await app.database.rows(
    'select action, method, count from audit_events where account_id = $1 order by created_at, id',
    [accountId],
  );
}

describe('signing in with a password', () => {
  it('opens a session and answers all that its owner needs', async () => {
    const me = await makeAccount(app);
    const address = newAddress();
    const answer = await byPassword(` ${me.email.toUpperCase()} `, PASSWORD, { headers: from(address, FIREFOX) });
    expect(answer.errors).toEqual([]);
    const payload = answer.data['signIn'];
    expect(payload).toMatchObject({
      refreshToken: expect.stringMatching(/^[\w-]{43}$/),
      remainingCount: null,
      account: { id: me.id, email: me.email, role: 'USER', lastSignedInAt: payload.session.createdAt },
      session: { method: 'PASSWORD', isCurrent: true, userAgent: 'Firefox on Linux', ipAddress: address },
    });
    expect(Date.parse(payload.accessTokenExpiresAt) - Date.now()).toBeGreaterThan(890_000);
    expect(Date.parse(payload.accessTokenExpiresAt) - Date.now()).toBeLessThanOrEqual(900_000);
    expect(Date.parse(payload.session.expiresAt) - Date.parse(payload.session.createdAt)).toBe(2_592_000_000);
    const mine = await app.post('{ me { id } }', {}, { token: payload.accessToken });
    expect(mine.data).toEqual({ me: { id: me.id } });
    expect((await audits(me.id)).at(-1)).toEqual({ action: 'SIGNED_IN', method: 'PASSWORD', count: 1 });
  });

  it('answers alike for a wrong password, an unknown address, a waiting one and one without a password', async () => {
    const me = await makeAccount(app);
    const [waiting, passwordless] = [`${randomUUID()}@example.org`, `${randomUUID()}@example.org`];
    await app.database.rows(
      `insert into accounts (id, email, email_key, email_verified_at) values ($1, $2, $2, null), ($3, $4, $4, now())`,
      [randomUUID(), waiting, randomUUID(), passwordless],
    );
    const answers = [
      await byPassword(me.email, WRONG),
      await byPassword(`${randomUUID()}@example.org`, PASSWORD),
      await byPassword(waiting, PASSWORD),
      await byPassword(passwordless, ''),
      await byPassword('what is this', PASSWORD),
      await byPassword(me.email, ''),
    ];
    expect(answers[0]?.code).toBe('INVALID_CREDENTIALS');
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(await sessionRows(me.id)).toHaveLength(1);
  });

  it('writes one audit event for the rejections of an hour from one address', async () => {
    const me = await makeAccount(app);
    const headers = from();
    for (let n = 0; n < 3; n += 1) await byPassword(me.email, WRONG, { headers });
    await byPassword(me.email, WRONG);
    const rejected = (await audits(me.id)).filter(({ action }) => action === 'SIGN_IN_REJECTED');
    expect(rejected.map(({ count }) => count)).toEqual([3, 1]);
  });

  it('does not let an admin who came by recovery code do what admins do', async () => {
    const admin = await signInAsAdmin(app);
    const { codes } = await issue(app, admin);
    const entered = await byCode({ email: ADMIN_EMAIL, code: codes[0] as string });
    const token = entered.data['signInWithRecoveryCode'].accessToken;
    const look = (with_: string) => app.post('{ account(email: "nobody@example.org") { id } }', {}, { token: with_ });
    expect((await look(admin.token)).errors).toEqual([]);
    expect((await look(token)).code).toBe('FORBIDDEN');
  });
});

describe('signing in with a recovery code', () => {
  it('spends the code and opens a session in one go', async () => {
    const me = await makeAccount(app);
    const { codes, id } = await issue(app, me);
    const answer = await byCode({ email: me.email, code: codes[2] as string });
    expect(answer.errors).toEqual([]);
    const { session, remainingCount } = answer.data['signInWithRecoveryCode'];
    expect([session.method, remainingCount]).toEqual(['RECOVERY_CODE', 9]);
    const spent = await app.database.rows(
      `select position, status, used_at = (select created_at from sessions where id = $2) as together
       from recovery_codes where batch_id = $1 and status <> 'ACTIVE'`,
      [id, session.id],
    );
    expect(spent).toEqual([{ position: 3, status: 'USED', together: true }]);
    expect((await byCode({ email: me.email, code: codes[2] as string })).code).toBe('INVALID_CREDENTIALS');
    expect(await sessionRows(me.id)).toHaveLength(2);
  });

  it('answers alike for a wrong code, an unknown address and an account without codes, by one hash each', async () => {
    const me = await makeAccount(app);
    await issue(app, me);
    const without = await makeAccount(app);
    const hashes = () => metric(app.url, 'sparekey_hashes_total{kind="code"}');
    const before = await hashes();
    const answers = [
      await byCode({ email: me.email, code: 'wrong' }),
      await byCode({ email: without.email, code: 'wrong' }),
      await byCode({ email: `${randomUUID()}@example.org`, code: 'wrong' }),
    ];
    expect(answers[0]?.code).toBe('INVALID_CREDENTIALS');
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect((await hashes()) - before).toBe(3);
  });

  it('asks for the password too with RECOVERY_SIGN_IN=with-password, and spends nothing without it', async () => {
    await later(
      app,
      0,
      async (on) => {
        const me = await makeAccount(app);
        const { codes } = await issue(app, me);
        const code = codes[0] as string;
        const tell = async () =>
          (await app.post('{ me { activeBatch { usedCount } } }', {}, { token: me.token })).data['me'].activeBatch;

        const withoutPassword = await byCode({ email: me.email, code }, { on });
        expect(withoutPassword.code).toBe('BAD_USER_INPUT');
        expect(withoutPassword.errors[0]?.extensions).toMatchObject({ argument: 'password' });
        const wrongPassword = await byCode({ email: me.email, code, password: WRONG }, { on });
        const wrongCode = await byCode({ email: me.email, code: 'wrong', password: PASSWORD }, { on });
        expect([wrongPassword.code, wrongCode.code]).toEqual(['INVALID_CREDENTIALS', 'INVALID_CREDENTIALS']);
        expect(wrongPassword.text).toBe(wrongCode.text);
        expect(await tell()).toEqual({ usedCount: 0 });

        const both = await byCode({ email: me.email, code, password: PASSWORD }, { on });
        expect(both.data['signInWithRecoveryCode'].session.method).toBe('RECOVERY_CODE');
        expect(await tell()).toEqual({ usedCount: 1 });
        expect((await on.post('{ service { recoverySignIn } }')).data['service'].recoverySignIn).toBe('WITH_PASSWORD');
      },
      { RECOVERY_SIGN_IN: 'with-password' },
    );
  });

  it('counts wrong passwords and wrong codes, each by itself, with RECOVERY_SIGN_IN=with-password', async () => {
    await later(
      app,
      0,
      async (on) => {
        const headers = from();
        const me = await makeAccount(app);
        const { codes } = await issue(app, me);
        for (let n = 0; n < 5; n += 1) {
          await byCode({ email: me.email, code: codes[0] as string, password: WRONG }, { on, headers });
        }
        const refused = await byCode(
          { email: me.email, code: codes[0] as string, password: PASSWORD },
          { on, headers },
        );
        expect(refused.code).toBe('RATE_LIMITED');

        const elsewhere = from();
        for (let n = 0; n < 5; n += 1) {
          await byCode({ email: me.email, code: 'wrong', password: PASSWORD }, { on, headers: elsewhere });
        }
        const guessed = await byCode(
          { email: me.email, code: codes[0] as string, password: PASSWORD },
          { on, headers: elsewhere },
        );
        expect(guessed.code).toBe('RATE_LIMITED');
        expect((await byPassword(me.email, PASSWORD, { on, headers: elsewhere })).errors).toEqual([]);
      },
      { RECOVERY_SIGN_IN: 'with-password' },
    );
  });

  it('is refused with RECOVERY_SIGN_IN=off, and spends nothing', async () => {
    await later(
      app,
      0,
      async (on) => {
        const me = await makeAccount(app);
        const { codes } = await issue(app, me);
        const answer = await byCode({ email: me.email, code: codes[0] as string, password: PASSWORD }, { on });
        expect(answer.code).toBe('FORBIDDEN');
        const batch = await app.post('{ me { activeBatch { usedCount } } }', {}, { token: me.token });
        expect(batch.data['me'].activeBatch).toEqual({ usedCount: 0 });
        expect((await on.post('{ service { recoverySignIn } }')).data['service'].recoverySignIn).toBe('OFF');
      },
      { RECOVERY_SIGN_IN: 'off' },
    );
  });
});

describe('issuing codes long after signing in', () => {
  const STEP_UP = 600;
  let late: TestApp;
  let me: TestAccount;

  beforeAll(async () => {
    late = await startTestApp({ ...app.settings, DATABASE_URL: lateUrl(STEP_UP + 60) }, { database: app.database });
  });
  afterAll(async () => {
    await late.close();
  });

  function lateUrl(seconds: number): string {
    const url = new URL(app.database.url);
    url.searchParams.set('options', `-c sparekey.clock_offset_seconds=${seconds}`);
    return url.href;
  }

  async function batches(): Promise<number> {
    return (await app.database.rows('select 1 from recovery_code_batches where account_id = $1', [me.id])).length;
  }

  it('needs the password once more, and refreshing does not stand in for it', async () => {
    me = await makeAccount(app);
    const refused = await generate(me.token, undefined, { on: late });
    expect(refused.code).toBe('REAUTHENTICATION_REQUIRED');
    const refreshed = await late.post(
      'mutation($t: String) { refreshSession(refreshToken: $t) { accessToken session { id } } }',
      { t: me.refreshToken },
    );
    expect(refreshed.data['refreshSession'].session.id).toBe(me.sessionId);
    const { accessToken } = refreshed.data['refreshSession'];
    expect((await generate(accessToken, undefined, { on: late })).code).toBe('REAUTHENTICATION_REQUIRED');
    expect(await batches()).toBe(0);

    const issued = await generate(accessToken, PASSWORD, { on: late });
    expect(issued.data['generateRecoveryCodes'].codes).toHaveLength(10);
    expect(await batches()).toBe(1);
    const again = await late.post('{ me { generateCooldown { isActive } } }', {}, { token: accessToken });
    expect(again.data['me'].generateCooldown.isActive).toBe(true);
  });

  it('does not need it within STEP_UP_SECONDS', async () => {
    me = await makeAccount(app);
    await later(app, STEP_UP - 30, async (on) => {
      expect((await generate(me.token, undefined, { on })).errors).toEqual([]);
    });
  });

  it('always needs it with STEP_UP_SECONDS=0', async () => {
    me = await makeAccount(app);
    await later(
      app,
      0,
      async (on) => {
        expect((await generate(me.token, undefined, { on })).code).toBe('REAUTHENTICATION_REQUIRED');
        expect((await generate(me.token, PASSWORD, { on })).errors).toEqual([]);
      },
      { STEP_UP_SECONDS: '0' },
    );
  });

  it('counts a wrong password as a failed sign-in, opens no cooldown, and then refuses both', async () => {
    me = await makeAccount(app);
    const headers = from();
    for (let n = 0; n < 5; n += 1) {
      const wrong = await generate(me.token, WRONG, { on: late, headers });
      expect(wrong.code).toBe('INVALID_CREDENTIALS');
      expect(wrong.errors[0]?.path).toEqual(['generateRecoveryCodes']);
    }
    const right = await generate(me.token, PASSWORD, { on: late, headers });
    expect(right.code).toBe('RATE_LIMITED');
    expect((await byPassword(me.email, PASSWORD, { on: late, headers })).code).toBe('RATE_LIMITED');
    expect(await batches()).toBe(0);
    const rejected = (await audits(me.id)).filter(({ action }) => action === 'SIGN_IN_REJECTED');
    expect(rejected.reduce((sum, { count }) => sum + count, 0)).toBe(5);
    expect((await generate(me.token, PASSWORD, { on: late })).errors).toEqual([]);
  });

  it('is refused with the password of an account that has none', async () => {
    me = await makeAccount(app);
    await app.database.rows('update accounts set password_hash = null where id = $1', [me.id]);
    expect((await generate(me.token, PASSWORD, { on: late })).code).toBe('INVALID_CREDENTIALS');
    expect(await batches()).toBe(0);
  });

  it('is open to a session by recovery code for as long', async () => {
    me = await makeAccount(app);
    const { codes } = await issue(app, me);
    const entered = await byCode({ email: me.email, code: codes[0] as string });
    await app.database.rows('update rate_limits set blocked_until = null');
    expect((await generate(entered.data['signInWithRecoveryCode'].accessToken)).errors).toEqual([]);
    await signIn(app, me.email, PASSWORD);
  });
});
