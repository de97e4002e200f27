import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { issue, makeAccount, PASSWORD, signIn, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { type Answer, startTestApp, type TestApp } from '../support/app.js';
import { from } from '../support/client-origin.js';
import { eventually } from '../support/eventually.js';
import { later, TOGETHER } from '../support/later-app.js';

const GRACE = 10;
const SESSION_LIFE = 2_592_000;
const AGENT = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:141.0) Gecko/20100101 Firefox/141.0';

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp(TOGETHER);
});
afterAll(async () => {
  await app.close();
});

function refresh(refreshToken: string | null, on = app): Promise<Answer> {
  return on.post(
    `mutation($refreshToken: String) { refreshSession(refreshToken: $refreshToken) {
      accessToken refreshToken remainingCount account { id } session { id method isCurrent createdAt lastUsedAt expiresAt } } }`,
    { refreshToken },
    { headers: from() },
  );
}

async function successorOf(refreshToken: string, on = app): Promise<string> {
  const answer = await refresh(refreshToken, on);
  expect(answer.errors).toEqual([]);
  return answer.data['refreshSession'].refreshToken;
}

function me(token: string, fields = 'id', on = app): Promise<Answer> {
  return on.post(`{ me { ${fields} } }`, {}, { token });
}

async function isRevoked({ sessionId }: TestAccount): Promise<boolean> {
  const [row] = await app.database.rows<{ isRevoked: boolean }>(
    'select revoked_at is not null as "isRevoked" from sessions where id = $1',
    [sessionId],
  );
  return row?.isRevoked === true;
}

async function count(statement: string, ...values: unknown[]): Promise<number> {
  const [row] = await app.database.rows<{ count: number }>(`select count(*)::int as count ${statement}`, values);
  return row?.count ?? 0;
}

const tokens = ({ sessionId }: TestAccount) => count('from refresh_tokens where session_id = $1', sessionId);

const notices = ({ id }: TestAccount) =>
  count(`from outbox where topic = 'refresh-token-reused' and payload->>'accountId' = $1`, id);

describe('refreshing a session', () => {
  it('exchanges the token for its successor and a new access token, in the same session', async () => {
    const account = await makeAccount(app);
    const first = await me(account.token, 'sessions { id createdAt expiresAt lastUsedAt }');
    const before = first.data['me'].sessions[0];
    await later(app, 3_600, async (on) => {
      const answer = await refresh(account.refreshToken, on);
      expect(answer.errors).toEqual([]);
      const payload = answer.data['refreshSession'];
      expect(payload).toMatchObject({
        refreshToken: expect.stringMatching(/^[\w-]{43}$/),
        account: { id: account.id },
        remainingCount: null,
        session: {
          id: account.sessionId,
          method: 'PASSWORD',
          isCurrent: true,
          createdAt: before.createdAt,
          expiresAt: before.expiresAt,
        },
      });
      expect(payload.refreshToken).not.toBe(account.refreshToken);
      expect(Date.parse(payload.session.lastUsedAt) - Date.parse(before.lastUsedAt)).toBeGreaterThanOrEqual(3_600_000);
      expect((await me(payload.accessToken)).data['me'].id).toBe(account.id);
      const next = await successorOf(payload.refreshToken, on);
      expect(await tokens(account)).toBe(3);
      const ends = await app.database.rows(
        `select distinct t.expires_at = s.expires_at as same from refresh_tokens t join sessions s on s.id = t.session_id
         where s.id = $1`,
        [account.sessionId],
      );
      expect(ends).toEqual([{ same: true }]);
      expect(next).not.toBe(payload.refreshToken);
    });
  });

  it('stores no refresh token, only hashes', async () => {
    const account = await makeAccount(app);
    const next = await successorOf(account.refreshToken);
    const rows = await app.database.rows<{ text: string }>(
      'select t::text as text from refresh_tokens t where session_id = $1',
      [account.sessionId],
    );
    expect(rows).toHaveLength(2);
    for (const { text } of rows) {
      for (const token of [account.refreshToken, next]) {
        expect(text).not.toContain(token);
        expect(text).not.toContain(Buffer.from(token).toString('hex'));
        expect(text).not.toContain(Buffer.from(token, 'base64url').toString('hex'));
      }
    }
  });

  it('gives a retry within the grace the same successor while that is unused', async () => {
    const account = await makeAccount(app);
    const first = await successorOf(account.refreshToken);
    expect(await successorOf(account.refreshToken)).toBe(first);
    await later(app, GRACE - 3, async (on) => expect(await successorOf(account.refreshToken, on)).toBe(first));
    expect(await tokens(account)).toBe(2);
    expect(await isRevoked(account)).toBe(false);
    expect(await successorOf(first)).not.toBe(first);
  });

  it('does not move the grace by retrying', async () => {
    const account = await makeAccount(app);
    await successorOf(account.refreshToken);
    await later(app, GRACE - 3, async (on) => await successorOf(account.refreshToken, on));
    await later(app, GRACE + 1, async (on) => {
      expect((await refresh(account.refreshToken, on)).code).toBe('REFRESH_TOKEN_REUSED');
    });
  });

  it('takes a retry after the grace for a replay: the session is over, whatever the request answers', async () => {
    const account = await makeAccount(app);
    const next = await successorOf(account.refreshToken);
    await later(app, GRACE + 1, async (on) => {
      const replayed = await refresh(account.refreshToken, on);
      expect(replayed.code).toBe('REFRESH_TOKEN_REUSED');
      expect(replayed.text).not.toContain(account.refreshToken);
    });
    expect(await isRevoked(account)).toBe(true);
    expect((await me(account.token)).code).toBe('UNAUTHENTICATED');
    expect((await refresh(next)).code).toBe('SESSION_EXPIRED');
    const audited = await app.database.rows(
      `select action, session_id, count from audit_events where account_id = $1 and action = 'REFRESH_TOKEN_REUSED'`,
      [account.id],
    );
    expect(audited).toEqual([{ action: 'REFRESH_TOKEN_REUSED', session_id: account.sessionId, count: 1 }]);
  });

  it('takes a retry after the successor was used for a replay, within the grace too', async () => {
    const account = await makeAccount(app);
    const last = await successorOf(await successorOf(account.refreshToken));
    expect((await refresh(account.refreshToken)).code).toBe('REFRESH_TOKEN_REUSED');
    expect(await isRevoked(account)).toBe(true);
    expect((await refresh(last)).code).toBe('SESSION_EXPIRED');
  });

  it('tells the owner of a replay once, however often it is repeated, and leaves other sessions alone', async () => {
    const account = await makeAccount(app);
    const other = await signIn(app, account.email, PASSWORD);
    await successorOf(await successorOf(account.refreshToken));
    const replays = await Promise.all(Array.from({ length: 5 }, () => refresh(account.refreshToken)));
    expect(replays.map(({ code }) => code)).toEqual(Array.from({ length: 5 }, () => 'REFRESH_TOKEN_REUSED'));
    expect(await notices(account)).toBe(1);
    expect((await app.mails(account.email)).map(({ subject }) => subject)).toEqual([
      'A session of yours at Sparekey was ended',
    ]);
    expect((await me(other.token)).errors).toEqual([]);
    await successorOf(other.refreshToken);
  });

  it('gives twenty parallel refreshes with one token one successor, by two processes too', async () => {
    const account = await makeAccount(app);
    await later(app, 0, async (second) => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) => refresh(account.refreshToken, n % 2 === 0 ? app : second)),
      );
      expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
      const successors = new Set(answers.map(({ data }) => data['refreshSession'].refreshToken));
      expect(successors.size).toBe(1);
      expect(await tokens(account)).toBe(2);
      expect(await isRevoked(account)).toBe(false);
      for (const { data } of answers.slice(0, 2))
        expect((await me(data['refreshSession'].accessToken)).errors).toEqual([]);
    });
  });

  it('refuses an unknown token, and none at all, and changes nothing', async () => {
    const account = await makeAccount(app);
    expect((await refresh('unknown')).code).toBe('INVALID_TOKEN');
    expect((await refresh('')).code).toBe('INVALID_TOKEN');
    expect((await refresh(account.token)).code).toBe('INVALID_TOKEN');
    const none = await refresh(null);
    expect(none.code).toBe('BAD_USER_INPUT');
    expect(none.errors[0]?.extensions).toMatchObject({ argument: 'refreshToken' });
    await successorOf(account.refreshToken);
  });

  it('tells that the session has expired once its time is over, however often it was refreshed', async () => {
    const account = await makeAccount(app);
    const next = await later(app, SESSION_LIFE - 60, async (on) => {
      expect((await me(account.token, 'sessions { id }', on)).data['me'].sessions).toEqual([{ id: account.sessionId }]);
      return await successorOf(account.refreshToken, on);
    });
    await later(app, SESSION_LIFE + 1, async (on) => {
      expect((await refresh(next, on)).code).toBe('SESSION_EXPIRED');
      expect((await me(account.token, 'id', on)).code).toBe('UNAUTHENTICATED');
    });
    expect(await notices(account)).toBe(0);
  });

  it('tells so too where the time ran out between a refresh and its retry', async () => {
    const account = await makeAccount(app);
    await later(app, SESSION_LIFE - 3, async (on) => await successorOf(account.refreshToken, on));
    await later(app, SESSION_LIFE + 2, async (on) => {
      expect((await refresh(account.refreshToken, on)).code).toBe('SESSION_EXPIRED');
    });
  });
});

describe('signing out', () => {
  it('ends the access token at once, wipes the copies of codes, and keeps other sessions', async () => {
    const account = await makeAccount(app);
    const other = await signIn(app, account.email, PASSWORD);
    const { id: batchId } = await issue(app, account);
    const next = await successorOf(account.refreshToken);
    expect(await count('from code_copies where batch_id = $1 and session_id = $2', batchId, account.sessionId)).toBe(1);

    const out = await app.post('mutation { signOut { acknowledged } }', {}, { token: account.token });
    expect(out.data).toEqual({ signOut: { acknowledged: true } });
    expect(await count('from code_copies where batch_id = $1', batchId)).toBe(0);
    expect((await me(account.token)).code).toBe('UNAUTHENTICATED');
    expect((await app.post('mutation { signOut { acknowledged } }', {}, { token: account.token })).code).toBe(
      'UNAUTHENTICATED',
    );
    expect((await refresh(next)).code).toBe('SESSION_EXPIRED');
    expect((await me(other.token)).errors).toEqual([]);
    const audited = await app.database.rows(
      `select actor_id, session_id, method from audit_events where account_id = $1 and action = 'SIGNED_OUT'`,
      [account.id],
    );
    expect(audited).toEqual([{ actor_id: account.id, session_id: account.sessionId, method: 'PASSWORD' }]);
    expect(await notices(account)).toBe(0);
  });

  it('is known to every process within a moment', async () => {
    const account = await makeAccount(app);
    await later(app, 0, async (second) => {
      expect((await me(account.token, 'id', second)).errors).toEqual([]);
      await app.post('mutation { signOut { acknowledged } }', {}, { token: account.token });
      await eventually(async () => (await me(account.token, 'id', second)).code === 'UNAUTHENTICATED');
    });
  });

  it('needs a session', async () => {
    expect((await app.post('mutation { signOut { acknowledged } }')).code).toBe('UNAUTHENTICATED');
  });
});

describe('the list of sessions', () => {
  it('tells which one is asking, from where each came and by which browser, never the raw header', async () => {
    const account = await makeAccount(app);
    const entered = await app.post(
      'mutation($email: String!, $password: String!) { signIn(email: $email, password: $password) { accessToken session { id } } }',
      { email: account.email, password: PASSWORD },
      { headers: from('2001:db8:1:2:3:4:5:6', AGENT) },
    );
    const { accessToken, session } = entered.data['signIn'];
    const strange = await app.post(
      'mutation($email: String!, $password: String!) { signIn(email: $email, password: $password) { session { id } } }',
      { email: account.email, password: PASSWORD },
      { headers: from('192.0.2.7', 'my-script/1.0 <script>') },
    );
    const list = await me(accessToken, 'sessions { id isCurrent userAgent ipAddress method }');
    expect(list.data['me'].sessions).toEqual([
      {
        id: strange.data['signIn'].session.id,
        isCurrent: false,
        userAgent: null,
        ipAddress: '192.0.2.7',
        method: 'PASSWORD',
      },
      {
        id: session.id,
        isCurrent: true,
        userAgent: 'Firefox on Windows',
        ipAddress: '2001:db8:1:2:3:4:5:6',
        method: 'PASSWORD',
      },
      { id: account.sessionId, isCurrent: false, userAgent: null, ipAddress: '127.0.0.1', method: 'PASSWORD' },
    ]);
    const [network] = await app.database.rows('select network from sessions where id = $1', [session.id]);
    expect(network).toEqual({ network: '2001:db8:1:2::/64' });
    for (const table of ['sessions', 'audit_events', 'outbox']) {
      expect(await count(`from ${table} t where t::text ~* 'gecko|my-script|20100101'`)).toBe(0);
    }
  });

  it('leaves out those that have ended, and shows an admin another’s without a current one', async () => {
    const account = await makeAccount(app);
    const second = await signIn(app, account.email, PASSWORD);
    await app.post('mutation { signOut { acknowledged } }', {}, { token: account.token });
    const admin = await signInAsAdmin(app);
    const seen = await app.post(
      'query($id: ID) { account(id: $id) { sessions { id isCurrent } } }',
      { id: account.id },
      { token: admin.token },
    );
    expect(seen.data['account'].sessions).toEqual([{ id: second.sessionId, isCurrent: false }]);
  });
});
