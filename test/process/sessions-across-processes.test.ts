import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { makeAccount, PASSWORD, signIn, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { type Answer, startTestApp, type TestApp } from '../support/app.js';
import { type DatabaseProxy, openDatabaseProxy } from '../support/database-proxy.js';
import { eventually } from '../support/eventually.js';
import { type ServerProcess, startServerProcess } from '../support/server-process.js';
import { connectWs, endSockets } from '../support/ws-client.js';

/** Of the accounts that the tests need; it is asked nothing while the two processes are. */
let app: TestApp;
let proxy: DatabaseProxy;
/** The second reaches the database by a way that can be cut. */
let first: ServerProcess;
let second: ServerProcess;

beforeAll(async () => {
  const shared = {
    RECOVERY_KEY: randomBytes(32).toString('base64url'),
    PUBLIC_URL: 'http://127.0.0.1:4000',
    ADDRESS_FAILURES_PER_HOUR: '100000',
  };
  app = await startTestApp(shared);
  proxy = await openDatabaseProxy(app.database.url);
  const start = (DATABASE_URL: string) => startServerProcess({ ...shared, DATABASE_URL, LOG_LEVEL: 'silent' });
  [first, second] = await Promise.all([start(app.database.url), start(proxy.url)]);
}, 60_000);
afterAll(async () => {
  endSockets();
  expect(await Promise.all([first.stop(), second.stop()])).toEqual([0, 0]);
  await proxy.close();
  await app.close();
});

const me = (on: ServerProcess, { token }: { token: string }) => on.post('{ me { id } }', {}, { token });
const isIn = async (on: ServerProcess, of: TestAccount) => (await me(on, of)).data?.['me']?.id === of.id;

const refresh = (on: ServerProcess, token: string) =>
  on.post('mutation($t: String!) { refreshSession(refreshToken: $t) { accessToken refreshToken } }', { t: token });

const revoke = (on: ServerProcess, by: TestAccount, id: string) =>
  on.post('mutation($id: ID!) { revokeSession(id: $id) { acknowledged } }', { id }, { token: by.token });

/** It has been asked before, so that the session is known there. */
async function known(of: TestAccount): Promise<TestAccount> {
  for (const on of [first, second, first, second]) expect(await isIn(on, of)).toBe(true);
  return of;
}

/** By the word of its end: what nobody told of would be known for five seconds. */
async function refusedAfter(on: ServerProcess, of: TestAccount): Promise<number> {
  const begun = performance.now();
  await eventually(async () => (await me(on, of)).code === 'UNAUTHENTICATED', 3_000);
  return performance.now() - begun;
}

describe('a session that ends in one process', () => {
  it('is refused by that one from then on, and by the other within a moment', async () => {
    const owner = await known(await makeAccount(app));
    const took: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      const lost = await known(await signIn(app, owner.email, PASSWORD));
      expect((await revoke(first, owner, lost.sessionId)).errors).toEqual([]);
      const [atFirst, waited] = await Promise.all([me(first, lost), refusedAfter(second, lost)]);
      expect(atFirst.code).toBe('UNAUTHENTICATED');
      took.push(waited);
    }
    took.sort((a, b) => a - b);
    console.info(
      `Another process refused after ${Math.round(took[5] ?? 0)} ms (median), ${Math.round(took[9] ?? 0)} ms at most.`,
    );
    expect(await isIn(second, owner)).toBe(true);
  });

  it.each([
    ['an admin ends it', async (of: TestAccount) => revoke(first, await signInAsAdmin(app), of.sessionId)],
    [
      'an admin ends all of the account',
      async (of: TestAccount) =>
        first.post(
          'mutation($id: ID!) { revokeOtherSessions(accountId: $id) { acknowledged } }',
          { id: of.id },
          { token: (await signInAsAdmin(app)).token },
        ),
    ],
    [
      'another session ends the others',
      async (of: TestAccount) =>
        first.post(
          'mutation { revokeOtherSessions { acknowledged } }',
          {},
          { token: (await signIn(app, of.email, PASSWORD)).token },
        ),
    ],
    [
      'it signs out',
      async ({ token }: TestAccount) => first.post('mutation { signOut { acknowledged } }', {}, { token }),
    ],
    [
      'a used refresh token comes back',
      async ({ refreshToken }: TestAccount): Promise<Answer> => {
        const next = await refresh(first, refreshToken);
        await refresh(second, next.data['refreshSession'].refreshToken);
        expect((await refresh(first, refreshToken)).code).toBe('REFRESH_TOKEN_REUSED');
        return next;
      },
    ],
  ])('is refused everywhere when %s, and its socket closes', async (_label, end) => {
    const lost = await known(await makeAccount(app));
    const socket = await connectWs(second.url, lost.token);
    expect((await end(lost)).errors).toEqual([]);
    await refusedAfter(second, lost);
    expect((await me(first, lost)).code).toBe('UNAUTHENTICATED');
    expect(await socket.closed()).toMatchObject({ code: 4403 });
  });

  it('is never let in again by a process that heard nothing, from its first answer on', async () => {
    const [owner, other] = [await known(await makeAccount(app)), await known(await makeAccount(app))];
    await proxy.cut();
    await revoke(first, owner, owner.sessionId);
    const answers: (string | undefined)[] = [];
    const ask = async () => {
      const { code } = await me(second, owner);
      answers.push(code);
      return code;
    };
    await eventually(async () => (await ask()) === 'UNAVAILABLE', 20_000);
    await proxy.restore();
    await eventually(async () => (await ask()) === 'UNAUTHENTICATED', 20_000);
    await eventually(() => isIn(second, other), 20_000);
    expect(await ask()).toBe('UNAUTHENTICATED');
    expect(new Set(answers)).toEqual(new Set(['UNAVAILABLE', 'UNAUTHENTICATED']));
  }, 60_000);
});

describe('a refresh token that two processes are shown', () => {
  const tokenOf = ({ data }: Answer): string => data['refreshSession'].refreshToken;

  async function isOver({ sessionId }: TestAccount): Promise<boolean> {
    const [row] = await app.database.rows<{ isOver: boolean }>(
      'select revoked_at is not null as "isOver" from sessions where id = $1',
      [sessionId],
    );
    return row?.isOver === true;
  }

  it('has one successor, of 20 at the same time, and its owner goes on', async () => {
    const owner = await makeAccount(app);
    let token = owner.refreshToken;
    for (let round = 0; round < 3; round += 1) {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) => refresh(n % 2 === 0 ? first : second, token)),
      );
      expect(answers.map(({ code }) => code)).toEqual(Array(20).fill(undefined));
      expect(new Set(answers.map(tokenOf)).size).toBe(1);
      for (const on of [first, second]) {
        const { accessToken } = (answers[round] as Answer).data['refreshSession'];
        expect((await me(on, { token: accessToken })).data['me'].id).toBe(owner.id);
      }
      token = tokenOf(answers[0] as Answer);
    }
    expect(await isOver(owner)).toBe(false);
  });

  it('ends its session for good where it comes back after the grace, though the request fails', async () => {
    const owner = await makeAccount(app);
    const next = tokenOf(await refresh(first, owner.refreshToken));
    await app.database.rows(
      `update refresh_tokens set used_at = used_at - interval '1 minute' where session_id = $1 and used_at is not null`,
      [owner.sessionId],
    );
    expect((await refresh(second, owner.refreshToken)).code).toBe('REFRESH_TOKEN_REUSED');
    expect(await isOver(owner)).toBe(true);
    for (const on of [first, second]) expect((await refresh(on, next)).code).toBe('SESSION_EXPIRED');
  });

  it('ends its session for good where it comes back after its successor was used, of 20 at the same time too', async () => {
    const owner = await makeAccount(app);
    const last = tokenOf(await refresh(second, tokenOf(await refresh(first, owner.refreshToken))));
    const replays = await Promise.all(
      Array.from({ length: 20 }, (_, n) => refresh(n % 2 === 0 ? first : second, owner.refreshToken)),
    );
    expect(replays.map(({ code }) => code)).toEqual(Array(20).fill('REFRESH_TOKEN_REUSED'));
    expect(await isOver(owner)).toBe(true);
    for (const on of [first, second]) expect((await refresh(on, last)).code).toBe('SESSION_EXPIRED');
  });

  it('never locks its owner out who retries what was lost on the way', async () => {
    const owner = await makeAccount(app);
    let token = owner.refreshToken;
    for (let round = 0; round < 5; round += 1) {
      // The answer is lost; the retry goes to the other process.
      await refresh(round % 2 === 0 ? first : second, token);
      const retried = await refresh(round % 2 === 0 ? second : first, token);
      expect(retried.code).toBeUndefined();
      token = tokenOf(retried);
    }
    expect(await isOver(owner)).toBe(false);
  });
});
