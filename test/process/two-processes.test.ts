import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { issue, makeAccount, type TestAccount } from '../support/accounts.js';
import { auditOf, batchesOf, expectConsistent } from '../support/batch-rows.js';
import { type Answer, startTestApp, type TestApp } from '../support/app.js';
import { type ServerProcess, ServerNotStartedError, startServerProcess } from '../support/server-process.js';

/** Of the accounts and batches that the tests need; it is asked nothing while the two processes are. */
let app: TestApp;
let settings: Record<string, string>;
let servers: readonly [ServerProcess, ServerProcess];

beforeAll(async () => {
  const shared = {
    RECOVERY_KEY: randomBytes(32).toString('base64url'),
    // The issuer that access tokens name, so that every process takes them.
    PUBLIC_URL: 'http://127.0.0.1:4000',
    TRUST_PROXY: '127.0.0.1/32',
    ACCOUNT_PASSWORD_CEILING: '100000',
  };
  app = await startTestApp({ ...shared, MAX_ATTEMPTS: '1000' });
  settings = { DATABASE_URL: app.database.url, LOG_LEVEL: 'warn', ADDRESS_FAILURES_PER_HOUR: '100000', ...shared };
  servers = await startBoth({ MAX_ATTEMPTS: '1000' });
});
afterAll(async () => {
  await stopBoth();
  await app.close();
});

async function startBoth(overrides: Record<string, string>): Promise<readonly [ServerProcess, ServerProcess]> {
  const start = () => startServerProcess({ ...settings, ...overrides });
  return await Promise.all([start(), start()]);
}

async function stopBoth(): Promise<void> {
  expect(await Promise.all(servers.map((server) => server.stop()))).toEqual([0, 0]);
}

async function restartBoth(overrides: Record<string, string>): Promise<void> {
  await stopBoth();
  servers = await startBoth(overrides);
}

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));
const serverOf = (index: number) => servers[index % 2] as ServerProcess;

/** So many requests at the same time, half of them to each process. */
async function atOnce(count: number, send: (server: ServerProcess, index: number) => Promise<Answer>) {
  return await Promise.all(times(count, (index) => send(serverOf(index), index)));
}

const verify = (server: ServerProcess, { token }: TestAccount, code: string) =>
  server.post(
    'mutation($code: String!) { verifyRecoveryCode(code: $code) { outcome batch { remainingCount } } }',
    { code },
    { token },
  );

const outcomeOf = (answer: Answer): string => answer.code ?? answer.data['verifyRecoveryCode'].outcome;

function tally(answers: readonly Answer[]): Record<string, number> {
  const groups = Map.groupBy(answers, outcomeOf);
  return Object.fromEntries([...groups].map(([outcome, of]) => [outcome, of.length]));
}

/** The sum of a counter over both processes. */
async function counted(name: string): Promise<number> {
  const texts = await Promise.all(servers.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
  const values = texts.map(
    (text) =>
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.split(' ')[1],
  );
  return values.reduce((total, value) => total + Number(value ?? 0), 0);
}

const CODE_HASHES = 'sparekey_hashes_total{kind="code"}';

describe('two server processes on one database', () => {
  it('are two processes', () => {
    expect(new Set([process.pid, ...servers.map(({ pid }) => pid)]).size).toBe(3);
    expect(new Set([app.url, ...servers.map(({ url }) => url)]).size).toBe(3);
  });

  it('let one of 200 parallel spends of one code win, four times over, with exact counts', async () => {
    const me = await makeAccount(app);
    const batch = await issue(app, me);
    for (const [index, code] of batch.codes.slice(0, 4).entries()) {
      const answers = await atOnce(200, (server) => verify(server, me, code));
      expect(tally(answers)).toEqual({ ACCEPTED: 1, REJECTED: 199 });
      const winner = answers.find((answer) => outcomeOf(answer) === 'ACCEPTED');
      expect(winner?.data['verifyRecoveryCode'].batch).toEqual({ remainingCount: 9 - index });
    }
    const batches = await batchesOf(app.database, me.id);
    expectConsistent(batches);
    expect(batches).toMatchObject([{ status: 'ACTIVE', used: 4, remaining: 6 }]);
    expect(await auditOf(app.database, me.id)).toEqual({
      SIGNED_IN: 1,
      CODES_GENERATED: 1,
      CODE_USED: 4,
      CODE_REJECTED: 4 * 199,
    });
  }, 60_000);

  it('release the codes once as a file and once as a mail, of 50 parallel wishes for each', async () => {
    const me = await makeAccount(app);
    const { id: batchId } = await issue(app, me);
    const ask = (field: string) => (server: ServerProcess) =>
      server.post(
        `mutation($batchId: ID!) { ${field}(batchId: $batchId) { batch { id } } }`,
        { batchId },
        { token: me.token },
      );
    const [files, mails] = await Promise.all([
      atOnce(50, ask('exportRecoveryCodes')),
      atOnce(50, ask('emailRecoveryCodes')),
    ]);
    const codesOf = (answers: readonly Answer[]) => {
      const groups = Map.groupBy(answers, ({ code }) => code ?? 'done');
      return Object.fromEntries([...groups].map(([code, all]) => [code, all.length]));
    };
    expect(codesOf(files)).toEqual({ done: 1, ALREADY_EXPORTED: 49 });
    expect(codesOf(mails)).toEqual({ done: 1, ALREADY_EMAILED: 49 });
    expect(await app.database.rows('select 1 from code_copies where batch_id = $1', [batchId])).toEqual([]);
    expect(await auditOf(app.database, me.id)).toMatchObject({ CODES_EXPORTED: 1, CODES_EMAILED: 1 });
  }, 60_000);

  it('open one session of 60 parallel sign-ins with one code', async () => {
    const me = await makeAccount(app);
    const { codes } = await issue(app, me);
    const signIn =
      'mutation($e: String!, $c: String!) { signInWithRecoveryCode(email: $e, code: $c) { remainingCount session { id } } }';
    const answers = await atOnce(60, (server) => server.post(signIn, { e: me.email, c: codes[0] }));
    const winners = answers.filter(({ errors }) => errors.length === 0);
    expect(winners.map(({ data }) => data['signInWithRecoveryCode'].remainingCount)).toEqual([9]);
    expect(answers.filter(({ code }) => code === 'INVALID_CREDENTIALS')).toHaveLength(59);
    const sessions = await app.database.rows(
      `select id from sessions where account_id = $1 and method = 'RECOVERY_CODE'`,
      [me.id],
    );
    expect(sessions).toEqual([{ id: winners[0]?.data['signInWithRecoveryCode'].session.id }]);
  });

  it('spend against superseding and deleting in the other process, with counts that add up', async () => {
    const me = await makeAccount(app);
    for (const round of times(10, (n) => n)) {
      const batch = await issue(app, me);
      await app.database.rows('delete from rate_limits');
      const other = serverOf(round + 1);
      const ending = (server: ServerProcess) =>
        round % 2 === 0
          ? server.post('mutation { generateRecoveryCodes { batch { id } } }', {}, { token: me.token })
          : server.post(
              'mutation($id: ID!) { deleteRecoveryCodeBatch(batchId: $id) { batch { status } } }',
              { id: batch.id },
              { token: me.token },
            );
      const [ended, ...spends] = await Promise.all([
        ending(other),
        ...batch.codes.map((code, index) => verify(serverOf(index), me, code)),
      ]);
      expect(ended.errors).toEqual([]);
      const spent = spends.filter((answer) => outcomeOf(answer) === 'ACCEPTED').length;
      const batches = await batchesOf(app.database, me.id);
      expectConsistent(batches);
      expect(batches.find(({ id }) => id === batch.id)?.used).toBe(spent);
    }
  });

  it('make one batch of 200 parallel issues', async () => {
    const me = await makeAccount(app);
    const answers = await atOnce(200, (server) =>
      server.post('mutation { generateRecoveryCodes { batch { number } } }', {}, { token: me.token }),
    );
    expect(answers.filter(({ errors }) => errors.length === 0)).toHaveLength(1);
    expect(answers.filter(({ code }) => code === 'RATE_LIMITED')).toHaveLength(199);
    expect(await batchesOf(app.database, me.id)).toMatchObject([{ number: 1, status: 'ACTIVE', remaining: 10 }]);
  });
});

describe('two server processes with MAX_ATTEMPTS 10', () => {
  beforeAll(() => restartBoth({ MAX_ATTEMPTS: '10' }));

  it('accept ten different codes at once, and remaining is 9 … 0 each once', async () => {
    for (const _round of times(3, (n) => n)) {
      const me = await makeAccount(app);
      const { codes } = await issue(app, me);
      const answers = await atOnce(10, (server, index) => verify(server, me, codes[index] as string));
      expect(tally(answers)).toEqual({ ACCEPTED: 10 });
      const remaining = answers.map(({ data }) => data['verifyRecoveryCode'].batch.remainingCount as number);
      expect(remaining.toSorted((a, b) => b - a)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
      expect(await batchesOf(app.database, me.id)).toMatchObject([{ status: 'EXHAUSTED', used: 10 }]);
      expect(await auditOf(app.database, me.id)).toMatchObject({ CODE_USED: 10, BATCH_EXHAUSTED: 1 });
    }
  });
});

describe('two server processes with MAX_ATTEMPTS 5', () => {
  beforeAll(() => restartBoth({ MAX_ATTEMPTS: '5' }));

  it('hash five of 200 wrong codes between them, and refuse the others', async () => {
    const me = await makeAccount(app);
    await issue(app, me);
    const before = await counted(CODE_HASHES);
    const answers = await atOnce(200, (server, index) => verify(server, me, `wrong-${index}`));
    expect(tally(answers)).toEqual({ REJECTED: 5, RATE_LIMITED: 195 });
    expect((await counted(CODE_HASHES)) - before).toBe(5);
    for (const { errors } of answers.filter(({ code }) => code === 'RATE_LIMITED')) {
      expect(errors[0]?.extensions?.['retryAfterSeconds']).toBeGreaterThanOrEqual(1);
    }
  });

  it('share the limiter: what fails at one is refused at the other, and goes on growing there', async () => {
    const me = await makeAccount(app);
    const { codes } = await issue(app, me);
    for (const index of times(5, (n) => n)) await verify(serverOf(index), me, 'wrong');
    const waits: unknown[] = [];
    for (const index of times(4, (n) => n)) {
      const refused = await verify(serverOf(index), me, codes[0] as string);
      waits.push(refused.errors[0]?.extensions?.['retryAfterSeconds']);
    }
    expect(waits).toEqual([60, 120, 240, 480]);
  });

  it('keep cooldown and windows over a restart, also over one that was a crash', async () => {
    const me = await makeAccount(app);
    const { codes } = await issue(app, me);
    for (const index of times(5, (n) => n)) await verify(serverOf(index), me, 'wrong');
    expect(await servers[0].stop('SIGKILL')).toBe('SIGKILL');
    expect(await servers[1].stop()).toBe(0);
    servers = await startBoth({ MAX_ATTEMPTS: '5' });
    expect((await verify(servers[0], me, codes[0] as string)).code).toBe('RATE_LIMITED');
    const again = await servers[1].post('mutation { generateRecoveryCodes { batch { id } } }', {}, { token: me.token });
    expect(again.code).toBe('RATE_LIMITED');
  });
});

describe('a server process whose RECOVERY_KEY lacks the key of an active batch', () => {
  it('does not start, and says what is missing without telling a key', async () => {
    await issue(app, await makeAccount(app));
    const other = randomBytes(32).toString('base64url');
    const started = startServerProcess({ ...settings, RECOVERY_KEY: other });
    const refusal = await started.then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refusal).toBeInstanceOf(ServerNotStartedError);
    const { exit, errors, output } = refusal as ServerNotStartedError;
    expect(exit).toBe(1);
    expect(errors).toMatch(/not configured: the key with id [0-9a-f]{16}.*RECOVERY_KEY_PREVIOUS/);
    expect(errors + output).not.toContain(other);
    expect(errors + output).not.toContain(settings['RECOVERY_KEY']);
  });

  // The last of all: this start seals the signing key anew under a key that no other process has.
  it('starts with it as a previous key, and takes the codes issued under it', async () => {
    const me = await makeAccount(app);
    const { codes } = await issue(app, me);
    const rotated = await startServerProcess({
      ...settings,
      RECOVERY_KEY: randomBytes(32).toString('base64url'),
      RECOVERY_KEY_PREVIOUS: settings['RECOVERY_KEY'] as string,
    });
    expect(outcomeOf(await verify(rotated, me, codes[0] as string))).toBe('ACCEPTED');
    expect(await rotated.stop()).toBe(0);
  });
});
