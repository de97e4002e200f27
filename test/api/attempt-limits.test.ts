import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { issue, makeAccount, type TestAccount } from '../support/accounts.js';
import { type Answer, startTestApp, type TestApp } from '../support/app.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ MAX_ATTEMPTS: '5', TRUST_PROXY: '127.0.0.1/32', COOLDOWN_BASE_SECONDS: '60' });
});
afterAll(() => app.close());

const VERIFY = 'mutation($code: String!) { verifyRecoveryCode(code: $code) { outcome } }';
const SIGN_IN_BY_CODE = `mutation($email: String!, $code: String!) {
  signInWithRecoveryCode(email: $email, code: $code) { remainingCount } }`;

const behind = (address: string) => ({ 'x-forwarded-for': address });
const verify = ({ token }: TestAccount, code: string, address = '192.0.2.1') =>
  app.post(VERIFY, { code }, { token, headers: behind(address) });

const extensionsOf = ({ errors }: Answer): Record<string, any> => errors[0]?.extensions ?? {};

/** A counter's value as the endpoint for monitoring shows it. */
async function counter(name: string): Promise<number> {
  const text = await (await fetch(`${app.url}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.split(' ')[1] ?? 0);
}

describe('limits over HTTP', () => {
  it('counts ten aliases in one document as ten attempts', async () => {
    const me = await makeAccount(app);
    await issue(app, me);
    const hashes = await counter('sparekey_hashes_total{kind="code"}');
    const refusals = await counter('sparekey_rate_limit_refusals_total{policy="VERIFY"}');
    const fields = Array.from({ length: 10 }, (_, n) => `a${n}: verifyRecoveryCode(code: "wrong-${n}") { outcome }`);
    const answer = await app.post(`mutation { ${fields.join(' ')} }`, {}, { token: me.token });
    // The fields of a mutation run in turn, and a refused one that may not be null ends the operation.
    expect(answer.errors.map(({ path, extensions }) => [path?.[0], extensions?.['code']])).toEqual([
      ['a5', 'RATE_LIMITED'],
    ]);
    expect(answer.data).toBeNull();
    expect((await counter('sparekey_hashes_total{kind="code"}')) - hashes).toBe(5);
    expect((await counter('sparekey_rate_limit_refusals_total{policy="VERIFY"}')) - refusals).toBe(1);
    // The next document finds the account locked.
    const next = await app.post(`mutation { ${fields.join(' ')} }`, {}, { token: me.token });
    expect(next.errors.map(({ path, extensions }) => [path?.[0], extensions?.['code']])).toEqual([
      ['a0', 'RATE_LIMITED'],
    ]);
    expect((await counter('sparekey_hashes_total{kind="code"}')) - hashes).toBe(5);
    const events = await app.database.rows(
      `select action, sum(count)::int as count from audit_events
       where account_id = $1 and action in ('CODE_REJECTED', 'RATE_LIMITED') group by action order by action`,
      [me.id],
    );
    expect(events).toEqual([
      { action: 'CODE_REJECTED', count: 5 },
      { action: 'RATE_LIMITED', count: 2 },
    ]);
  });

  it('tells when to come back, as a time and in seconds rounded up, and repeats nothing that was typed', async () => {
    const me = await makeAccount(app);
    const { codes } = await issue(app, me);
    for (let n = 0; n < 5; n += 1) await verify(me, 'wrong');
    const asked = Date.now();
    const answer = await verify(me, codes[0] as string);
    expect(answer.code).toBe('RATE_LIMITED');
    const { retryAt, retryAfterSeconds } = extensionsOf(answer);
    expect(retryAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const left = (Date.parse(retryAt) - asked) / 1000;
    expect(left).toBeGreaterThan(55);
    expect(left).toBeLessThan(60);
    expect(Number.isInteger(retryAfterSeconds)).toBe(true);
    expect(retryAfterSeconds - left).toBeLessThanOrEqual(1);
    expect(retryAfterSeconds).toBeGreaterThanOrEqual(Math.floor(left));
    expect(answer.text).not.toContain(codes[0]);
    const [stored] = await app.database.rows<{ at: Date }>(
      'select max(blocked_until) as at from rate_limits where count = 5 and blocked_until is not null',
    );
    expect(stored?.at.toISOString()).toBe(retryAt);
  });

  it('locks the address that a trusted proxy names, not the proxy', async () => {
    const me = await makeAccount(app);
    const { codes } = await issue(app, me);
    for (let n = 0; n < 5; n += 1) await verify(me, 'wrong', '198.51.100.7');
    expect((await verify(me, codes[0] as string, '198.51.100.7')).code).toBe('RATE_LIMITED');
    // What the client wrote itself stands further left, and counts for nothing.
    expect((await verify(me, codes[0] as string, '192.0.2.99, 198.51.100.7')).code).toBe('RATE_LIMITED');
    const elsewhere = await verify(me, codes[0] as string, '198.51.100.7, 198.51.100.8');
    expect(elsewhere.data['verifyRecoveryCode']).toEqual({ outcome: 'ACCEPTED' });
  });

  it('answers alike for addresses that somebody and nobody has, refusals included', async () => {
    const me = await makeAccount(app);
    await issue(app, me);
    const attempts = async (email: string) => {
      const answers: unknown[] = [];
      for (let n = 0; n < 7; n += 1) {
        const answer = await app.post(SIGN_IN_BY_CODE, { email, code: 'wrong' }, { headers: behind('203.0.113.5') });
        const { message, extensions } = answer.errors[0] ?? {};
        answers.push([
          answer.status,
          answer.data,
          message,
          Object.keys(extensions ?? {}).toSorted(),
          extensions?.['code'],
        ]);
      }
      return answers;
    };
    const known = await attempts(me.email);
    expect(known.map((answer) => (answer as unknown[]).at(-1))).toEqual([
      ...Array.from({ length: 5 }, () => 'INVALID_CREDENTIALS'),
      'RATE_LIMITED',
      'RATE_LIMITED',
    ]);
    expect(await attempts(`nobody-${me.email}`)).toEqual(known);
  });

  it('refuses a second batch at once, with the same extensions, and shows the cooldown to its owner', async () => {
    const me = await makeAccount(app);
    await issue(app, me);
    const refused = await app.post('mutation { generateRecoveryCodes { batch { id } } }', {}, { token: me.token });
    expect(refused.code).toBe('RATE_LIMITED');
    const shown = await app.post('{ me { generateCooldown { retryAt retryAfterSeconds } } }', {}, { token: me.token });
    const { retryAt, retryAfterSeconds } = extensionsOf(refused);
    expect(shown.data['me'].generateCooldown.retryAt).toBe(retryAt);
    expect([retryAfterSeconds, retryAfterSeconds - 1]).toContain(shown.data['me'].generateCooldown.retryAfterSeconds);
  });
});
