import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { issue, makeAccount, PASSWORD, type TestAccount } from '../support/accounts.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { later, TOGETHER } from '../support/later-app.js';
import { openWs, connectWs, endSockets } from '../support/ws-client.js';

const COOKIE_MODE = { 'x-sparekey-session': 'cookie' };
const SESSION_LIFE = 2_592_000;
const GRACE = 10;
const TLS_URL = 'https://localhost:4000';

let app: TestApp;
/** The same behind a proxy with TLS. */
let secure: TestApp;

beforeAll(async () => {
  app = await startTestApp({ ...TOGETHER, CORS_ORIGINS: 'https://other.example' });
  secure = await startTestApp({ ...app.settings, PUBLIC_URL: TLS_URL }, { database: app.database });
});
afterAll(async () => {
  endSockets();
  await secure.close();
  await app.close();
});

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly maxAge: number;
  readonly attributes: readonly string[];
}

interface CookieAnswer {
  readonly status: number;
  readonly data: any;
  readonly code: string | undefined;
  readonly argument: string | undefined;
  readonly text: string;
  readonly cookies: readonly Cookie[];
  readonly headers: Headers;
}

const FIELDS = 'accessToken refreshToken account { id } session { id expiresAt }';
const SIGN_IN = `mutation($email: String!, $password: String!) { signIn(email: $email, password: $password) { ${FIELDS} } }`;
const BY_CODE = `mutation($email: String!, $code: String!) { signInWithRecoveryCode(email: $email, code: $code) { ${FIELDS} } }`;
const REFRESH = `mutation($token: String) { refreshSession(refreshToken: $token) { ${FIELDS} } }`;
const SIGN_OUT = 'mutation { signOut { acknowledged } }';

interface Request {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly headers?: Record<string, string>;
}

async function ask({ query, variables = {}, headers = {} }: Request, on = app): Promise<CookieAnswer> {
  const response = await fetch(`${on.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query, variables }),
  });
  const text = await response.text();
  const { data, errors = [] } = JSON.parse(text);
  return {
    status: response.status,
    data,
    code: errors[0]?.extensions?.code,
    argument: errors[0]?.extensions?.argument,
    text,
    cookies: response.headers.getSetCookie().map(cookieOf),
    headers: response.headers,
  };
}

function cookieOf(line: string): Cookie {
  const [pair = '', ...attributes] = line.split('; ');
  const [name = '', value = ''] = pair.split('=');
  const maxAge = Number(attributes.find((attribute) => attribute.startsWith('Max-Age='))?.slice('Max-Age='.length));
  return { name, value, maxAge, attributes: attributes.filter((attribute) => !attribute.startsWith('Max-Age=')) };
}

const withCookie = (value: string, name = 'sparekey') => ({ ...COOKIE_MODE, cookie: `${name}=${value}` });

/** Somebody who signed in with the header: the value of the cookie, and what the answer told. */
async function entered(
  on = app,
): Promise<{ cookie: string; token: string; answer: CookieAnswer; account: TestAccount }> {
  const account = await makeAccount(app);
  const answer = await ask(
    { query: SIGN_IN, variables: { email: account.email, password: PASSWORD }, headers: COOKIE_MODE },
    on,
  );
  expect(answer.code).toBeUndefined();
  return { cookie: answer.cookies[0]?.value as string, token: answer.data.signIn.accessToken, answer, account };
}

const refresh = (cookie: string, on = app) => ask({ query: REFRESH, headers: withCookie(cookie) }, on);

async function isOver(sessionId: string): Promise<boolean> {
  const [row] = await app.database.rows<{ over: boolean }>(
    'select revoked_at is not null as over from sessions where id = $1',
    [sessionId],
  );
  return row?.over === true;
}

describe('a session in a cookie', () => {
  it('begins with signing in: the refresh token is in the cookie, and nowhere in the answer', async () => {
    const { cookie, answer } = await entered();
    expect(answer.cookies).toEqual([
      {
        name: 'sparekey',
        value: expect.stringMatching(/^[\w-]{43}$/),
        maxAge: SESSION_LIFE,
        attributes: ['Path=/', 'HttpOnly', 'SameSite=Strict'],
      },
    ]);
    expect(answer.data.signIn.refreshToken).toBeNull();
    expect(answer.text).not.toContain(cookie);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const me = await app.post('{ me { id } }', {}, { token: answer.data.signIn.accessToken });
    expect(me.data['me'].id).toBe(answer.data.signIn.account.id);
  });

  it('begins with signing in by code as well', async () => {
    const account = await makeAccount(app);
    const { codes } = await issue(app, account);
    const { data, cookies } = await ask({
      query: BY_CODE,
      variables: { email: account.email, code: codes[0] },
      headers: COOKIE_MODE,
    });
    expect(data.signInWithRecoveryCode.refreshToken).toBeNull();
    expect((await refresh(cookies[0]?.value as string)).data.refreshSession.session.id).toBe(
      data.signInWithRecoveryCode.session.id,
    );
  });

  it('is bound to its very host behind TLS', async () => {
    const { cookie, answer } = await entered(secure);
    expect(answer.cookies).toEqual([
      {
        name: '__Host-sparekey',
        value: expect.stringMatching(/^[\w-]{43}$/),
        maxAge: SESSION_LIFE,
        attributes: ['Path=/', 'HttpOnly', 'SameSite=Strict', 'Secure'],
      },
    ]);
    // Under the name that any neighbour may set it is not read.
    const plain = await ask({ query: REFRESH, headers: withCookie(cookie) }, secure);
    expect(plain.code).toBe('SESSION_EXPIRED');
    const refreshed = await ask({ query: REFRESH, headers: withCookie(cookie, '__Host-sparekey') }, secure);
    expect(refreshed.code).toBeUndefined();
    expect(refreshed.cookies[0]).toMatchObject({ name: '__Host-sparekey', attributes: answer.cookies[0]?.attributes });
    const out = await ask(
      {
        query: SIGN_OUT,
        headers: { ...COOKIE_MODE, authorization: `Bearer ${refreshed.data.refreshSession.accessToken}` },
      },
      secure,
    );
    expect(out.cookies).toEqual([
      { name: '__Host-sparekey', value: '', maxAge: 0, attributes: answer.cookies[0]?.attributes },
    ]);
  });

  it('goes on with refreshing, for the rest of the session and no longer', async () => {
    const { cookie, answer } = await entered();
    await later(app, 3_600, async (on) => {
      const refreshed = await refresh(cookie, on);
      const { session, refreshToken } = refreshed.data.refreshSession;
      expect(session).toEqual(answer.data.signIn.session);
      expect(refreshToken).toBeNull();
      const [next] = refreshed.cookies;
      expect(next?.value).not.toBe(cookie);
      expect(refreshed.text).not.toContain(next?.value);
      expect(next?.maxAge).toBeLessThanOrEqual(SESSION_LIFE - 3_600);
      expect(next?.maxAge).toBeGreaterThan(SESSION_LIFE - 3_660);
      expect((await refresh(next?.value as string, on)).code).toBeUndefined();
    });
  });

  it('gives twenty refreshes at the same time one successor, by two processes too', async () => {
    const { cookie, answer } = await entered();
    await later(app, 0, async (second) => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) => refresh(cookie, n % 2 === 0 ? app : second)),
      );
      expect(answers.map(({ code }) => code)).toEqual(Array(20).fill(undefined));
      const successors = new Set(answers.flatMap(({ cookies }) => cookies.map(({ value }) => value)));
      expect(successors.size).toBe(1);
      expect(successors.has(cookie)).toBe(false);
      expect(await isOver(answer.data.signIn.session.id)).toBe(false);
      expect((await refresh([...successors][0] as string)).code).toBeUndefined();
    });
  });

  it('ends with signing out, and the cookie with it', async () => {
    const { cookie, token, answer } = await entered();
    const out = await ask({ query: SIGN_OUT, headers: { ...withCookie(cookie), authorization: `Bearer ${token}` } });
    expect(out.data).toEqual({ signOut: { acknowledged: true } });
    expect(out.cookies).toEqual([
      { name: 'sparekey', value: '', maxAge: 0, attributes: ['Path=/', 'HttpOnly', 'SameSite=Strict'] },
    ]);
    expect(await isOver(answer.data.signIn.session.id)).toBe(true);
    expect((await refresh(cookie)).code).toBe('SESSION_EXPIRED');
  });

  it('is over for good when an old cookie comes back', async () => {
    const { cookie, answer } = await entered();
    const next = (await refresh(cookie)).cookies[0]?.value as string;
    await later(app, GRACE + 1, async (on) => {
      const replayed = await refresh(cookie, on);
      expect(replayed.code).toBe('REFRESH_TOKEN_REUSED');
      expect(replayed.cookies).toMatchObject([{ name: 'sparekey', value: '', maxAge: 0 }]);
      expect(replayed.text).not.toContain(cookie);
    });
    expect(await isOver(answer.data.signIn.session.id)).toBe(true);
    expect((await refresh(next)).code).toBe('SESSION_EXPIRED');
  });
});

describe('a refused refresh', () => {
  it('clears a cookie that is of no use any more', async () => {
    const { cookie, token } = await entered();
    await ask({ query: SIGN_OUT, headers: { authorization: `Bearer ${token}` } });
    for (const [value, code] of [
      [cookie, 'SESSION_EXPIRED'],
      ['unknown', 'INVALID_TOKEN'],
    ] as const) {
      const refused = await refresh(value);
      expect(refused.code).toBe(code);
      expect(refused.cookies).toMatchObject([{ name: 'sparekey', value: '', maxAge: 0 }]);
    }
  });

  it('is an ended session where there is no cookie, an empty one or two of them', async () => {
    const { cookie } = await entered();
    for (const cookies of [undefined, 'other=1', 'sparekey=', `sparekey=x; sparekey=${cookie}`]) {
      expect(
        (await ask({ query: REFRESH, headers: { ...COOKIE_MODE, ...(cookies !== undefined && { cookie: cookies }) } }))
          .code,
      ).toBe('SESSION_EXPIRED');
    }
    const found = await ask({
      query: REFRESH,
      headers: { ...COOKIE_MODE, cookie: `a=b;sparekey=${cookie};sparekey2=x` },
    });
    expect(found.code).toBeUndefined();
  });

  it('leaves a cookie alone that may still be good', async () => {
    const { cookie } = await entered();
    const twice = await ask({ query: REFRESH, variables: { token: cookie }, headers: withCookie(cookie) });
    expect([twice.code, twice.argument, twice.cookies]).toEqual(['BAD_USER_INPUT', 'refreshToken', []]);
    expect(twice.text).not.toContain(cookie);
    expect((await refresh(cookie)).code).toBeUndefined();
  });

  it('leaves the cookie alone where signing in or out is refused', async () => {
    const { cookie, account } = await entered();
    const wrong = { email: account.email, password: 'not the password at all' };
    const refused = await ask({ query: SIGN_IN, variables: wrong, headers: withCookie(cookie) });
    expect([refused.code, refused.cookies]).toEqual(['INVALID_CREDENTIALS', []]);
    const out = await ask({ query: SIGN_OUT, headers: withCookie(cookie) });
    expect([out.code, out.cookies]).toEqual(['UNAUTHENTICATED', []]);
    expect((await refresh(cookie)).code).toBeUndefined();
  });
});

describe('without the header', () => {
  it('a cookie is nothing: neither who asks, nor a refresh token', async () => {
    const { cookie } = await entered();
    const headers = { cookie: `sparekey=${cookie}` };
    expect((await ask({ query: '{ me { id } }', headers })).data).toEqual({ me: null });
    const refreshed = await ask({ query: REFRESH, headers });
    expect([refreshed.code, refreshed.argument]).toEqual(['BAD_USER_INPUT', 'refreshToken']);
    expect(refreshed.cookies).toEqual([]);
    expect((await ask({ query: SIGN_OUT, headers })).code).toBe('UNAUTHENTICATED');
    expect((await refresh(cookie)).code).toBeUndefined();
  });

  it('no cookie is ever set', async () => {
    const { email } = await makeAccount(app);
    const signedIn = await ask({ query: SIGN_IN, variables: { email, password: PASSWORD } });
    expect(signedIn.cookies).toEqual([]);
    const { refreshToken, accessToken } = signedIn.data.signIn;
    expect((await ask({ query: REFRESH, variables: { token: refreshToken } })).cookies).toEqual([]);
    expect((await ask({ query: SIGN_OUT, headers: { authorization: `Bearer ${accessToken}` } })).cookies).toEqual([]);
  });
});

describe('with the header', () => {
  it('a cookie is nobody, whatever else is asked', async () => {
    const { cookie } = await entered();
    expect((await ask({ query: '{ me { id } }', headers: withCookie(cookie) })).data).toEqual({ me: null });
    const issued = await ask({
      query: 'mutation { generateRecoveryCodes { batch { id } } }',
      headers: withCookie(cookie),
    });
    expect(issued.code).toBe('UNAUTHENTICATED');
  });

  it('opens no socket', async () => {
    const { cookie } = await entered();
    const socket = await openWs(app.url, { headers: withCookie(cookie) });
    socket.send({ type: 'connection_init' });
    expect(await socket.closed()).toMatchObject({ code: 4403 });
    await expect(connectWs(app.url, cookie)).rejects.toThrow('4403');
  });

  it.each(['', 'Cookie', 'cookies', 'cookie, cookie', 'true'])(
    '%j is refused, before anything is done',
    async (value) => {
      const { email } = await makeAccount(app);
      const headers = { 'x-sparekey-session': value };
      const sessions = () =>
        app.database.rows('select 1 from sessions s join accounts a on a.id = s.account_id where email = $1', [email]);
      const before = await sessions();
      const answer = await ask({ query: SIGN_IN, variables: { email, password: PASSWORD }, headers });
      expect([answer.code, answer.argument]).toEqual(['BAD_USER_INPUT', 'X-Sparekey-Session']);
      expect(answer.cookies).toEqual([]);
      expect(await sessions()).toEqual(before);
      expect((await ask({ query: '{ service { siteName } }', headers })).code).toBeUndefined();
    },
  );
});

describe('the page of another origin', () => {
  const signIn = async (origin: string, on = app) => {
    const { email } = await makeAccount(app);
    return await ask(
      { query: SIGN_IN, variables: { email, password: PASSWORD }, headers: { ...COOKIE_MODE, origin } },
      on,
    );
  };

  it.each([
    'https://evil.example',
    'null',
    // May call, but not with our cookie.
    'https://other.example',
    'https://localhost:4000',
    'http://localhost:4000.evil.example',
    'http://localhost:4001',
    'http://evil.localhost:4000',
  ])('%s gets no cookie and cannot use one', async (origin) => {
    const signedIn = await signIn(origin);
    expect([signedIn.code, signedIn.cookies]).toEqual(['FORBIDDEN', []]);
    const { cookie, token } = await entered();
    const refreshed = await ask({ query: REFRESH, headers: { ...withCookie(cookie), origin } });
    expect([refreshed.code, refreshed.cookies]).toEqual(['FORBIDDEN', []]);
    const out = await ask({
      query: SIGN_OUT,
      headers: { ...withCookie(cookie), origin, authorization: `Bearer ${token}` },
    });
    expect([out.code, out.cookies]).toEqual(['FORBIDDEN', []]);
    expect((await refresh(cookie)).code).toBeUndefined();
  });

  it('is told apart from pages of this server, by whichever name of its host', async () => {
    for (const origin of [TOGETHER.PUBLIC_URL, app.url]) {
      expect((await signIn(origin)).cookies).toHaveLength(1);
    }
    expect((await signIn(TLS_URL, secure)).cookies).toHaveLength(1);
    // Behind TLS nothing in the clear is its own, whatever the name.
    for (const origin of [secure.url, 'http://localhost:4000', 'https://localhost:4001']) {
      expect((await signIn(origin, secure)).code).toBe('FORBIDDEN');
    }
  });

  it.each(['https://evil.example', 'https://other.example'])('%s is not let send the header', async (origin) => {
    const preflight = await fetch(`${app.url}/graphql`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,x-sparekey-session',
      },
    });
    const allowed = preflight.headers.get('access-control-allow-headers')?.toLowerCase() ?? '';
    expect(allowed).not.toContain('sparekey');
    expect(preflight.headers.get('access-control-allow-credentials')).toBeNull();
    expect(preflight.headers.get('access-control-allow-origin')).not.toBe('*');
  });

  it('can send a form with the cookie, which does nothing', async () => {
    const { cookie, answer } = await entered();
    const query = 'mutation { refreshSession { accessToken } }';
    const forms = [
      ['text/plain', JSON.stringify({ query })],
      ['application/x-www-form-urlencoded', new URLSearchParams({ query }).toString()],
    ] as const;
    for (const [type, body] of forms) {
      const response = await fetch(`${app.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': type, cookie: `sparekey=${cookie}`, origin: 'https://evil.example' },
        body,
      });
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.headers.getSetCookie()).toEqual([]);
    }
    const link = await fetch(`${app.url}/graphql?${new URLSearchParams({ query }).toString()}`, {
      headers: { cookie: `sparekey=${cookie}`, ...COOKIE_MODE, 'apollo-require-preflight': '1' },
    });
    expect(link.status).toBe(405);
    expect(link.headers.getSetCookie()).toEqual([]);
    expect(await isOver(answer.data.signIn.session.id)).toBe(false);
    expect((await refresh(cookie)).code).toBeUndefined();
  });
});

describe('the log', () => {
  it('tells no cookie', async () => {
    const { cookie } = await entered();
    const next = (await refresh(cookie)).cookies[0]?.value as string;
    const text = app.log.join('');
    for (const value of [cookie, next]) expect(text).not.toContain(value);
    expect(text).not.toMatch(/set-cookie/i);
  });
});
