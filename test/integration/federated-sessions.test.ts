import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { SignedIn } from '../../src/domain/access/viewer.js';
import { revokeSession } from '../../src/domain/accounts/sessions.js';
import type { IssuerKey } from '../support/issuer.js';
import { type Trusted, trustIssuer } from '../support/issuers.js';
import { cleanUp } from '../support/cleanup.js';
import { makeOwner, openRules, type Rules } from '../support/rules.js';
import { statementsOf } from '../support/statements.js';

const HOUR = 3_600;

let rules: Rules;
let acme: Trusted;

beforeAll(async () => {
  rules = await openRules({ OIDC_ALLOW_LOOPBACK: 'true' });
  acme = await trustIssuer(rules);
});
afterAll(async () => {
  await acme.issuer.close();
  await rules.close();
});

const now = () => Math.floor(Date.now() / 1_000);
const newSubject = () => randomUUID();

async function enter(claims: Record<string, unknown>, at = rules): Promise<SignedIn> {
  const entered = await acme.enter({ claims }, at);
  if (typeof entered !== 'object') throw new Error(`It was not let in: ${entered}.`);
  return entered;
}

const refused = async (claims: Record<string, unknown>, at = rules) => (await acme.enter({ claims }, at)) === 'refused';
const revoke = ({ sessionId }: SignedIn) => rules.db.transaction().execute((tx) => revokeSession(tx, sessionId));
const accountsOf = (sub: string) =>
  rules.database.rows<Record<string, unknown>>('select * from accounts where external_id = $1', [sub]);
const sessionsOf = (sub: string) =>
  rules.database.rows<{ id: string; ends: number; authenticated: number; method: string; network: string }>(
    `select s.id, s.method, s.network, extract(epoch from s.expires_at)::int as ends,
       extract(epoch from s.authenticated_at)::int as authenticated
     from sessions s join accounts a on a.id = s.account_id where a.external_id = $1 order by s.created_at, s.id`,
    [sub],
  );
const auditOf = (sub: string) =>
  rules.database.rows(
    `select e.action, e.method, e.session_id is not null as "in a session", e.ip_address as "from" from audit_events e
     join accounts a on a.id = e.account_id where a.external_id = $1 order by e.id`,
    [sub],
  );

describe('the account of a subject', () => {
  it('is made on first sight, is of its issuer alone, and has neither address nor role', async () => {
    const sub = newSubject();
    const viewer = await enter({ sub, email: 'ada@example.org', role: 'ADMIN' });
    const [account] = await accountsOf(sub);
    expect(account).toMatchObject({
      id: viewer.accountId,
      origin: `issuer:${acme.issuer.url}`,
      external_id: sub,
      email: null,
      email_key: null,
      role: 'USER',
      password_hash: null,
      last_signed_in_at: expect.any(Date),
    });
    expect(viewer).toEqual({
      kind: 'signed-in',
      accountId: account?.['id'],
      limitSubject: account?.['id'],
      role: 'USER',
      sessionId: expect.any(String),
      method: 'FEDERATED',
      secondsSinceAuthentication: expect.any(Number),
    });
    expect(await auditOf(sub)).toEqual([
      { action: 'ACCOUNT_REGISTERED', method: 'FEDERATED', 'in a session': false, from: '192.0.2.1' },
      { action: 'SIGNED_IN', method: 'FEDERATED', 'in a session': true, from: '192.0.2.1' },
    ]);
  });

  it('is the same for every token of it, and another for another issuer’s subject of that name', async () => {
    const sub = newSubject();
    const { accountId } = await enter({ sub });
    expect((await enter({ sub, sid: 'another session' })).accountId).toBe(accountId);
    const other = await trustIssuer(rules);
    const elsewhere = await other.enter({ claims: { sub } });
    expect(elsewhere).toMatchObject({ kind: 'signed-in' });
    expect(await accountsOf(sub)).toHaveLength(2);
    await other.issuer.close();
  });

  it('is nobody’s whom an address or an id names', async () => {
    const owner = await makeOwner(rules);
    for (const sub of [owner.id, owner.email]) expect((await enter({ sub })).accountId).not.toBe(owner.id);
  });

  it('is made once by twenty requests at the same time, with one session and one sign-in', async () => {
    const sub = newSubject();
    const token = await acme.issuer.token({ claims: { sub, sid: 's' } });
    const others = [rules, rules.with({})];
    const entered = await Promise.all(Array.from({ length: 20 }, (_, n) => acme.enter(token, others[n % 2] as Rules)));
    expect(new Set(entered.map((viewer) => (viewer as SignedIn).sessionId)).size).toBe(1);
    expect([await accountsOf(sub), await sessionsOf(sub)]).toMatchObject([{ length: 1 }, { length: 1 }]);
    expect((await auditOf(sub)).map(({ action }) => action)).toEqual(['ACCOUNT_REGISTERED', 'SIGNED_IN']);
  });

  it('does not come back by a token from before it was deleted', async () => {
    const sub = newSubject();
    const claims = { sub, iat: now() - 10, exp: now() + 200, sid: 's' };
    const { accountId } = await enter(claims);
    await rules.database.rows('delete from accounts where id = $1', [accountId]);
    await rules.database.rows(
      `insert into federated_cutoffs (origin, external_id, not_before) values ($1, $2, to_timestamp($3::float8))`,
      [`issuer:${acme.issuer.url}`, sub, now() - 5],
    );
    expect(await refused(claims)).toBe(true);
    expect(await refused({ ...claims, sid: 'another' })).toBe(true);
    expect(await accountsOf(sub)).toEqual([]);
    expect((await enter({ ...claims, iat: now() - 4 })).accountId).not.toBe(accountId);
    // Another issuer's subject of that name was not deleted.
    expect(await refused({ ...claims, sub: newSubject() })).toBe(false);
  });

  it('does not come back by a token that waited for the deletion', async () => {
    const sub = newSubject();
    const claims = { sub, iat: now() - 10, exp: now() + 200, sid: 's' };
    const { accountId } = await enter(claims);
    const deletion = await rules.database.pool.connect();
    await deletion.query('begin');
    await deletion.query('delete from accounts where id = $1', [accountId]);
    await deletion.query(`insert into federated_cutoffs (origin, external_id, not_before) values ($1, $2, now())`, [
      `issuer:${acme.issuer.url}`,
      sub,
    ]);
    const waiting = refused({ ...claims, sid: 'another' });
    await blocked(1);
    await deletion.query('commit');
    deletion.release();
    expect(await waiting).toBe(true);
    expect(await accountsOf(sub)).toEqual([]);
  });
});

/** Waits until so many statements wait for a lock. */
async function blocked(count: number): Promise<void> {
  for (;;) {
    const [row] = await rules.database.rows<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    if ((row?.n ?? 0) >= count) return;
  }
}

describe('the session of a token', () => {
  it('is that which its sid names', async () => {
    const sub = newSubject();
    const first = await enter({ sub, sid: 'one', auth_time: now() - 100, jti: 'a' });
    expect(await enter({ sub, sid: 'one', auth_time: now() - 50, jti: 'b' })).toMatchObject({
      sessionId: first.sessionId,
    });
    expect((await enter({ sub, sid: 'two', auth_time: now() - 100, jti: 'a' })).sessionId).not.toBe(first.sessionId);
    expect((await enter({ sub: newSubject(), sid: 'one' })).sessionId).not.toBe(first.sessionId);
    expect(await sessionsOf(sub)).toHaveLength(2);
  });

  it('is else that which began with its sign-in', async () => {
    const sub = newSubject();
    const at = now() - 100;
    const first = await enter({ sub, auth_time: at, jti: 'a' });
    expect((await enter({ sub, auth_time: at, jti: 'b', iat: now() - 1 })).sessionId).toBe(first.sessionId);
    expect((await enter({ sub, auth_time: at + 1, jti: 'a' })).sessionId).not.toBe(first.sessionId);
    expect((await enter({ sub: newSubject(), auth_time: at })).sessionId).not.toBe(first.sessionId);
    // What is one thing by one name is nothing by another.
    expect((await enter({ sub, sid: String(at) })).sessionId).not.toBe(first.sessionId);
  });

  it('is else the token’s own, by its id or by itself', async () => {
    const sub = newSubject();
    const first = await enter({ sub, jti: 'a' });
    expect((await enter({ sub, jti: 'a', iat: now() - 1 })).sessionId).toBe(first.sessionId);
    expect((await enter({ sub, jti: 'b' })).sessionId).not.toBe(first.sessionId);
    const token = await acme.issuer.token({ claims: { sub } });
    const bare = (await acme.enter(token)) as SignedIn;
    expect(await acme.enter(token)).toMatchObject({ sessionId: bare.sessionId });
    expect((await enter({ sub, iat: now() - 2 })).sessionId).not.toBe(bare.sessionId);
  });

  it('is not another where the same token is written with another signature', async () => {
    const sub = newSubject();
    const token = await acme.issuer.token({ claims: { sub } });
    const entered = (await acme.enter(token)) as SignedIn;
    const twin = otherSignature(token);
    expect(twin).not.toBe(token);
    expect(await acme.enter(twin)).toMatchObject({ sessionId: entered.sessionId });
  });

  it('lasts as long as the longest token of it', async () => {
    const sub = newSubject();
    const ends = now() + HOUR;
    await enter({ sub, sid: 's', exp: ends });
    expect(await sessionsOf(sub)).toMatchObject([{ ends, method: 'FEDERATED', network: '192.0.2.1' }]);
    await enter({ sub, sid: 's', exp: ends + 100 });
    await enter({ sub, sid: 's', exp: ends - 100 });
    expect(await sessionsOf(sub)).toMatchObject([{ ends: ends + 100 }]);
    expect((await auditOf(sub)).map(({ action }) => action)).toEqual(['ACCOUNT_REGISTERED', 'SIGNED_IN']);
  });

  it('knows when the person proved who they are: auth_time, else when the token was issued', async () => {
    const sub = newSubject();
    const asked = { sub, sid: 'a', auth_time: now() - 1_000 };
    expect((await enter(asked)).secondsSinceAuthentication).toBeCloseTo(1_000, -1.1);
    expect((await enter({ ...asked, auth_time: now() - 10 })).secondsSinceAuthentication).toBeLessThan(60);
    const untold = await enter({ sub, sid: 'b', iat: now() - 700 });
    expect(untold.secondsSinceAuthentication).toBeCloseTo(700, -1.1);
  });

  it('ends by the database’s clock, too, and is not opened after its end', async () => {
    const claims = { sub: newSubject(), sid: 's', exp: now() + 300 };
    await enter(claims);
    expect([await refused(claims, rules.at(200)), await refused(claims, rules.at(400))]).toEqual([false, true]);
    const unseen = { ...claims, sub: newSubject() };
    expect([await refused(unseen, rules.at(400)), await accountsOf(unseen.sub)]).toEqual([true, []]);
  });
});

/** The same token with the other signature that is as good (the negative of s, modulo the order of the curve). */
function otherSignature(token: string): string {
  const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
  const [input, signature] = [token.slice(0, token.lastIndexOf('.')), token.slice(token.lastIndexOf('.') + 1)];
  const bytes = Buffer.from(signature, 'base64url');
  const s = order - BigInt(`0x${bytes.subarray(32).toString('hex')}`);
  const twin = Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')]);
  return `${input}.${twin.toString('base64url')}`;
}

describe('a revoked session', () => {
  it('refuses its token and every other of it, in every process, and lets others be', async () => {
    const sub = newSubject();
    const claims = { sub, sid: 's' };
    const viewer = await enter(claims);
    await enter({ sub, sid: 'other' });
    await revoke(viewer);
    for (const at of [rules, rules.with({})]) {
      expect(await refused(claims, at)).toBe(true);
      expect(await refused({ ...claims, exp: now() + HOUR, jti: 'later' }, at)).toBe(true);
      expect(await refused({ ...claims, sid: 'other' }, at)).toBe(false);
    }
    expect(await sessionsOf(sub)).toHaveLength(2);
  });

  it('of one token alone ends this token alone', async () => {
    const sub = newSubject();
    const [one, other] = [
      { sub, jti: 'one' },
      { sub, jti: 'other' },
    ];
    await revoke(await enter(one));
    expect([await refused(one), await refused(other)]).toEqual([true, false]);
  });

  it('stays revoked for whatever was issued before, when its last known token has expired', async () => {
    const sub = newSubject();
    const viewer = await enter({ sub, sid: 's', exp: now() + 60 });
    await revoke(viewer);
    // Never shown before.
    const unseen = { sub, sid: 's', exp: now() + 2 * HOUR };
    expect(await refused(unseen)).toBe(true);
    expect(await refused(unseen, rules.at(120))).toBe(true);
  });

  it('outlives its last token in the cleanup until none of it can be valid any more', async () => {
    const [gone, kept] = [newSubject(), newSubject()];
    for (const sub of [gone, kept]) await revoke(await enter({ sub, sid: 's', exp: now() + 60 }));
    const left = async () => [(await sessionsOf(gone)).length, (await sessionsOf(kept)).length];
    await rules.database.rows(
      `update sessions set revoked_at = now() - interval '26 hours'
       where account_id = (select id from accounts where external_id = $1)`,
      [gone],
    );
    await cleanUp(rules.at(120), { task: 'SESSIONS', isDryRun: true });
    expect(await left()).toEqual([1, 1]);
    const { counts } = await cleanUp(rules.at(120), { task: 'SESSIONS' });
    expect(counts['sessions']).toBeGreaterThan(0);
    expect(await left()).toEqual([0, 1]);
  });

  it('is opened anew by a token that was issued after it, once the known ones have expired', async () => {
    const sub = newSubject();
    const viewer = await enter({ sub, sid: 's', iat: now() - 200, exp: now() + 60 });
    await revoke(viewer);
    await rules.database.rows(
      `update sessions set revoked_at = now() - interval '150 seconds', expires_at = now() - interval '1 second' where id = $1`,
      [viewer.sessionId],
    );
    expect(await refused({ sub, sid: 's', iat: now() - 140 })).toBe(true);
    expect(await enter({ sub, sid: 's' })).toMatchObject({ sessionId: viewer.sessionId });
    expect((await auditOf(sub)).map(({ action }) => action)).toEqual(['ACCOUNT_REGISTERED', 'SIGNED_IN', 'SIGNED_IN']);
    const [session] = await rules.database.rows('select revoked_at from sessions where id = $1', [viewer.sessionId]);
    expect(session).toEqual({ revoked_at: null });
  });
});

describe('what a token costs', () => {
  it('is one statement where its session is open, and no question to its issuer', async () => {
    const token = await acme.issuer.token({ claims: { sub: newSubject(), sid: 's' } });
    await acme.enter(token);
    const asked = acme.issuer.asked.length;
    const statements = await statementsOf(rules.database.pool, () => acme.enter(token));
    expect(statements).toHaveLength(1);
    expect(acme.issuer.asked).toHaveLength(asked);
  });

  it('is a transaction of three statements more for a subject that nobody has seen, two for one whose session is new', async () => {
    const sub = newSubject();
    const first = await acme.issuer.token({ claims: { sub, sid: 'one' } });
    expect(await statementsOf(rules.database.pool, () => acme.enter(first))).toHaveLength(4);
    const second = await acme.issuer.token({ claims: { sub, sid: 'two' } });
    expect(await statementsOf(rules.database.pool, () => acme.enter(second))).toHaveLength(3);
  });

  it('is about this much time for the checks alone, by algorithm', async () => {
    const figures: Record<string, string> = {};
    for (const alg of ['ES256', 'RS256', 'EdDSA'] as const) figures[alg] = `${(await medianOf(alg)).toFixed(2)} ms`;
    console.log('Verifying one federated token with warm keys, without the database:', figures);
  });
});

async function medianOf(alg: IssuerKey['alg']): Promise<number> {
  const { verifyToken } = await import('../../src/domain/issuers/federated-tokens.js');
  const { KeySet } = await import('../../src/domain/issuers/key-set.js');
  const key = await acme.issuer.newKey(alg);
  const keys = new KeySet([key.jwk as never]);
  const token = await acme.issuer.token({ key });
  const trusted = { ...acme.client, version: '', keys: () => keys };
  const times: number[] = [];
  for (let n = 0; n < 300; n += 1) {
    const startedAt = performance.now();
    await verifyToken(token, trusted, (wanted) => keys.find(wanted));
    times.push(performance.now() - startedAt);
  }
  return times.toSorted((a, b) => a - b)[150] as number;
}
