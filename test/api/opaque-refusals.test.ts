import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { issue, makeAccount, PASSWORD, type TestAccount, type TestBatch } from '../support/accounts.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { from } from '../support/client-origin.js';
import { TOGETHER } from '../support/later-app.js';
import { metric } from '../support/metrics.js';
import { requestsDone } from '../support/requests-done.js';
import { holdOutbox, statementsOf } from '../support/statements.js';

const WRONG_CODE = 'AAAAAA-AAAAAA-AAAAAA-AAAAAA-AAAAAA-AAAAAA';
const WRONG_PASSWORD = 'not the password of the tests';

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp(TOGETHER);
  await holdOutbox(app.database.pool);
});
afterAll(() => app.close());

/** Everything about an attempt that somebody could see of it, or measure. */
interface Trace {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly text: string;
  readonly statements: readonly string[];
  readonly hashes: Readonly<Record<string, number>>;
}

interface Attempt {
  readonly query: string;
  readonly variables: Record<string, unknown>;
  readonly token?: string;
}

async function hashes(): Promise<Record<'code' | 'password', number>> {
  const count = (kind: string) => metric(app.url, `sparekey_hashes_total{kind="${kind}"}`);
  return { code: await count('code'), password: await count('password') };
}

/** Each attempt comes from an address of its own, so that none is the second of its caller. */
async function traceOf({ query, variables, token }: Attempt): Promise<Trace> {
  const before = await hashes();
  let answer: Pick<Trace, 'status' | 'headers' | 'text'> | undefined;
  const statements = await statementsOf(app.database.pool, async () => {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...authorization, ...from() },
      body: JSON.stringify({ query, variables }),
    });
    const headers = [...response.headers].filter(([name]) => name !== 'date');
    answer = { status: response.status, headers, text: await response.text() };
  });
  const after = await hashes();
  const spent = { code: after.code - before.code, password: after.password - before.password };
  return { ...(answer as Pick<Trace, 'status' | 'headers' | 'text'>), statements, hashes: spent };
}

async function expectAlike(attempts: Readonly<Record<string, () => Promise<Attempt>>>): Promise<Trace> {
  const traces: [string, Trace][] = [];
  for (const [name, attempt] of Object.entries(attempts)) traces.push([name, await traceOf(await attempt())]);
  const [[, first]] = traces as [[string, Trace]];
  for (const [name, trace] of traces) expect({ name, ...trace }).toEqual({ name, ...first });
  return first;
}

interface Holder {
  readonly account: TestAccount;
  readonly batch: TestBatch;
  readonly code: string;
}

async function holder(): Promise<Holder> {
  const account = await makeAccount(app);
  const batch = await issue(app, account);
  return { account, batch, code: batch.codes[0] as string };
}

async function call(account: TestAccount, field: string): Promise<void> {
  const { errors } = await app.post(`mutation { ${field} }`, {}, { token: account.token });
  expect(errors).toEqual([]);
}

async function unverifiedEmail(): Promise<string> {
  const email = `${randomUUID()}@example.org`;
  await registerNow(email);
  const made = await app.database.rows('select email_verified_at from accounts where email_key = $1', [email]);
  expect(made).toEqual([{ email_verified_at: null }]);
  return email;
}

/** Registers an address and has the relay do what it leads to, but for the mail. */
async function registerNow(email: string): Promise<void> {
  await app.post(
    'mutation($email: String!, $password: String!) { register(email: $email, password: $password) { acknowledged } }',
    { email, password: PASSWORD },
    { headers: from() },
  );
  // Whatever else waits was to stay there.
  await app.database.rows(`update outbox set delivered_at = now() where payload->>'email' is distinct from $1`, [
    email,
  ]);
  await app.database.rows(`update outbox set due_at = now() where delivered_at is null`);
  await requestsDone(app.database);
}

/** Codes that are not accepted, each for another reason. */
const REFUSED: Readonly<Record<string, () => Promise<Holder>>> = {
  wrong: async () => ({ ...(await holder()), code: WRONG_CODE }),
  'of another account': async () => ({ ...(await holder()), code: (await holder()).code }),
  empty: async () => ({ ...(await holder()), code: '' }),
  spent: async () => {
    const held = await holder();
    await call(held.account, `verifyRecoveryCode(code: "${held.code}") { outcome }`);
    return held;
  },
  invalidated: async () => {
    const held = await holder();
    await call(held.account, `invalidateRecoveryCode(selector: {code: "${held.code}"}) { outcome }`);
    return held;
  },
  deleted: async () => {
    const held = await holder();
    await call(held.account, `deleteRecoveryCode(selector: {code: "${held.code}"}) { outcome }`);
    return held;
  },
  'of a deleted batch': async () => {
    const held = await holder();
    await call(held.account, `deleteRecoveryCodeBatch(batchId: "${held.batch.id}") { batch { id } }`);
    return held;
  },
  'of a superseded batch': async () => {
    const held = await holder();
    await issue(app, held.account);
    return held;
  },
  expired: async () => {
    const held = await holder();
    const past = `set expires_at = now() - interval '1 second'`;
    await app.database.rows(`update recovery_codes ${past} where batch_id = $1`, [held.batch.id]);
    await app.database.rows(`update recovery_code_batches ${past} where id = $1`, [held.batch.id]);
    return held;
  },
  'of an account without codes': async () => {
    const account = await makeAccount(app);
    return { account, batch: { id: '', codes: [] }, code: WRONG_CODE };
  },
};

describe('a code that is not accepted, for whatever reason', () => {
  it('is one answer and one work when it is verified', async () => {
    const attempts = Object.entries(REFUSED).map(([name, refused]) => {
      const query = 'mutation($code: String!) { verifyRecoveryCode(code: $code) { outcome batch { id } } }';
      const attempt = async () => {
        const { account, code } = await refused();
        return { query, variables: { code }, token: account.token };
      };
      return [name, attempt] as const;
    });
    const { text, hashes: spent, statements } = await expectAlike(Object.fromEntries(attempts));
    expect(JSON.parse(text)).toEqual({ data: { verifyRecoveryCode: { outcome: 'REJECTED', batch: null } } });
    expect(spent).toEqual({ code: 1, password: 0 });
    expect(statements.length).toBeGreaterThan(3);
  });

  it('is one answer and one work when somebody signs in by it, for unknown and unverified addresses too', async () => {
    const query = `mutation($email: String!, $code: String!) {
      signInWithRecoveryCode(email: $email, code: $code) { accessToken } }`;
    const known = Object.entries(REFUSED).map(([name, refused]) => {
      const attempt = async () => {
        const { account, code } = await refused();
        return { query, variables: { email: account.email, code } };
      };
      return [name, attempt] as const;
    });
    const { text, hashes: spent } = await expectAlike({
      ...Object.fromEntries(known),
      'unknown address': async () => ({ query, variables: { email: 'nobody@example.org', code: WRONG_CODE } }),
      'no address at all': async () => ({ query, variables: { email: '', code: WRONG_CODE } }),
      'unverified address': async () => ({ query, variables: { email: await unverifiedEmail(), code: WRONG_CODE } }),
    });
    expect(JSON.parse(text)).toMatchObject({ data: null, errors: [{ extensions: { code: 'INVALID_CREDENTIALS' } }] });
    expect(spent).toEqual({ code: 1, password: 0 });
  });
});

describe('a password that is not accepted, for whatever reason', () => {
  const query =
    'mutation($email: String!, $password: String!) { signIn(email: $email, password: $password) { accessToken } }';
  const attempt = (email: string, password: string): Attempt => ({ query, variables: { email, password } });

  it('is one answer and one work: unknown, unverified, without a password, wrong', async () => {
    const { text, hashes: spent } = await expectAlike({
      wrong: async () => attempt((await makeAccount(app)).email, WRONG_PASSWORD),
      'wrong and empty': async () => attempt((await makeAccount(app)).email, ''),
      'unknown address': async () => attempt('nobody@example.org', PASSWORD),
      'no address at all': async () => attempt('\u0000', PASSWORD),
      'an account without a password': async () => {
        const { id, email } = await makeAccount(app);
        await app.database.rows('update accounts set password_hash = null where id = $1', [id]);
        return attempt(email, PASSWORD);
      },
      'unverified address, with the password registered': async () => attempt(await unverifiedEmail(), PASSWORD),
      'unverified address, with another': async () => attempt(await unverifiedEmail(), WRONG_PASSWORD),
    });
    expect(JSON.parse(text)).toMatchObject({ data: null, errors: [{ extensions: { code: 'INVALID_CREDENTIALS' } }] });
    expect(spent).toEqual({ code: 0, password: 1 });
  });

  it('locks unknown addresses by the same steps as known ones', async () => {
    const { email } = await makeAccount(app);
    const answersTo = async (address: string) => {
      const headers = from();
      const answers: unknown[] = [];
      for (let n = 0; n < 8; n += 1) {
        const { errors } = await app.post(query, { email: address, password: WRONG_PASSWORD }, { headers });
        const { code, retryAfterSeconds } = errors[0]?.extensions ?? {};
        answers.push([code, retryAfterSeconds]);
      }
      return answers;
    };
    const known = await answersTo(email);
    expect(await answersTo(`${randomUUID()}@example.org`)).toEqual(known);
    expect(known.map((answer: any) => answer[0])).toEqual([
      ...Array.from({ length: 5 }, () => 'INVALID_CREDENTIALS'),
      ...Array.from({ length: 3 }, () => 'RATE_LIMITED'),
    ]);
  });
});

describe('an address', () => {
  it('stays locked when it is registered meanwhile, as a known one does', async () => {
    const query =
      'mutation($email: String!, $password: String!) { signIn(email: $email, password: $password) { accessToken } }';
    const answersTo = async (email: string) => {
      const headers = from();
      const answers: unknown[] = [];
      const signIn = async (password: string) => {
        const { errors } = await app.post(query, { email, password }, { headers });
        const { code, retryAfterSeconds } = errors[0]?.extensions ?? {};
        answers.push([code, retryAfterSeconds]);
      };
      for (let n = 0; n < 6; n += 1) await signIn(WRONG_PASSWORD);
      await registerNow(email);
      await signIn(PASSWORD);
      return answers;
    };
    const known = await answersTo((await makeAccount(app)).email);
    expect(known.map((answer: any) => answer[0])).toEqual([
      ...Array.from({ length: 5 }, () => 'INVALID_CREDENTIALS'),
      ...Array.from({ length: 2 }, () => 'RATE_LIMITED'),
    ]);
    const unknown = `${randomUUID()}@example.org`;
    expect(await answersTo(unknown)).toEqual(known);
    expect(await app.database.rows('select 1 from accounts where email_key = $1', [unknown])).toHaveLength(1);
  });

  const emails: Readonly<Record<string, () => Promise<string>>> = {
    unknown: async () => `${randomUUID()}@example.org`,
    known: async () => (await makeAccount(app)).email,
    unverified: unverifiedEmail,
  };

  it.each([
    [
      'register',
      'mutation($email: String!) { register(email: $email, password: "a password for the tests 1") { acknowledged } }',
      [1, 1, 1, 0, 0],
    ],
    [
      'resendEmailVerification',
      'mutation($email: String!) { resendEmailVerification(email: $email) { acknowledged } }',
      [0, 0, 0, 0, 0],
    ],
    [
      'requestPasswordReset',
      'mutation($email: String!) { requestPasswordReset(email: $email) { acknowledged } }',
      [0, 0, 0, 0, 0],
    ],
  ])(
    'is not told by %s to be known, unknown or unverified, also past the limit of mails',
    async (field, query, passwords) => {
      const runs: Trace[][] = [];
      for (const email of Object.values(emails)) {
        const variables = { email: await email() };
        // Making the unverified one has taken one of its mails.
        await app.database.rows('delete from rate_limits');
        const run: Trace[] = [];
        for (let n = 0; n < 5; n += 1) run.push(await traceOf({ query, variables }));
        runs.push(run);
      }
      const [first] = runs as [Trace[]];
      for (const run of runs) expect(run).toEqual(first);
      const [{ text, status, headers }] = first as [Trace];
      for (const trace of first) {
        expect(trace).toMatchObject({ text, status, headers });
        expect(trace.statements.length).toBeGreaterThan(0);
      }
      expect(first.map(({ hashes: spent }) => spent)).toEqual(passwords.map((password) => ({ code: 0, password })));
      expect(JSON.parse(text)).toEqual({ data: { [field]: { acknowledged: true } } });
    },
  );
});
