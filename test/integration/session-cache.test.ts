import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { SignalListener } from '../../src/database/signal-listener.js';
import { SessionCache } from '../../src/domain/accounts/session-cache.js';
import { SessionRevocations } from '../../src/domain/accounts/session-revocations.js';
import { revokeSession } from '../../src/domain/accounts/sessions.js';
import type { Database } from '../../src/domain/database.js';
import { CHANNELS } from '../../src/domain/signals.js';
import { type DatabaseProxy, openDatabaseProxy } from '../support/database-proxy.js';
import { eventually } from '../support/eventually.js';
import { heldAnswers } from '../support/held-answers.js';
import { makeOwner, openRules, type Owner, type Rules } from '../support/rules.js';
import { SaidSignals } from '../support/said-signals.js';

let rules: Rules;
let signals: SaidSignals;
/** The rules' database, which counts what it is asked. */
let db: Database;
let asked = 0;
let sessions: SessionCache;

beforeAll(async () => {
  rules = await openRules();
  db = rules.db.withPlugin({
    transformQuery: ({ node }) => ((asked += 1), node),
    transformResult: async ({ result }) => result,
  });
});
beforeEach(() => {
  signals = new SaidSignals();
  sessions = new SessionCache(db, { signals });
});
afterAll(() => rules.close());

const find = (owner: Owner, by = sessions) => by.find(owner.viewer.sessionId);
/** How many statements the question sends. */
async function costOf(run: () => Promise<unknown>): Promise<number> {
  const before = asked;
  await run();
  return asked - before;
}
const word = (owner: Owner) => signals.say('sparekey_session_ended', owner.viewer.sessionId);

/** Without a word to anybody. */
const change = (owner: Owner, change: string) => rules.database.rows(change, [owner.viewer.sessionId]);
const REVOKED = 'update sessions set revoked_at = now() where id = $1';

describe('who is behind a session', () => {
  it('costs one statement, and then none', async () => {
    const [me, other] = [await makeOwner(rules, { role: 'ADMIN' }), await makeOwner(rules)];
    expect(await costOf(() => find(me))).toBe(1);
    expect(await costOf(() => Promise.all([find(me), find(me), find(me)]))).toBe(0);
    const { secondsSinceAuthentication: _, ...viewer } = me.viewer;
    expect(await find(me)).toEqual({ ...viewer, secondsSinceAuthentication: expect.any(Number) });
    expect(await costOf(async () => expect((await find(other))?.accountId).toBe(other.id))).toBe(1);
  });

  it('costs one statement for all who ask at the same time', async () => {
    const me = await makeOwner(rules);
    const all = () => Promise.all(Array.from({ length: 20 }, () => find(me)));
    expect(
      await costOf(async () => expect((await all()).map((found) => found?.accountId)).toEqual(Array(20).fill(me.id))),
    ).toBe(1);
  });

  it('is asked each time of a session that lets nobody in, and nothing of it is kept', async () => {
    const [revoked, expired, gone] = [await makeOwner(rules), await makeOwner(rules), await makeOwner(rules)];
    await change(revoked, REVOKED);
    await change(expired, 'update sessions set expires_at = now() where id = $1');
    await rules.database.rows('delete from accounts where id = $1', [gone.id]);
    for (const id of [...[revoked, expired, gone].map(({ viewer }) => viewer.sessionId), randomUUID()]) {
      expect(await costOf(async () => expect(await sessions.find(id)).toBeUndefined())).toBe(1);
      expect(await costOf(() => sessions.find(id))).toBe(1);
    }
    expect(sessions.size).toBe(0);
  });

  it('is asked anew after a question that failed', async () => {
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      expect(await costOf(() => expect(sessions.find('no id')).rejects.toThrow('uuid'))).toBe(1);
    }
    expect(sessions.size).toBe(0);
  });

  it('is known of the sessions that were asked for last, and of no more than it may', async () => {
    const few = new SessionCache(db, { signals, mostSessions: 3 });
    const owners = await Promise.all(Array.from({ length: 5 }, () => makeOwner(rules)));
    const [first, second, ...others] = owners as [Owner, Owner, ...Owner[]];
    for (const owner of [first, second]) await find(owner, few);
    await find(first, few);
    for (const owner of others.slice(0, 2)) await find(owner, few);
    expect(few.size).toBe(3);
    expect(await costOf(() => find(first, few))).toBe(0);
    expect(await costOf(() => find(second, few))).toBe(1);
    expect(few.size).toBe(3);
  });
});

describe('what is known of a session', () => {
  it('is forgotten when it is said to have ended, and of no other', async () => {
    const [me, other] = [await makeOwner(rules), await makeOwner(rules)];
    for (const owner of [me, other]) await find(owner);
    await revokeSession(rules.db, me.viewer.sessionId);
    expect(await find(me)).toBeDefined();
    word(me);
    expect(await find(me)).toBeUndefined();
    expect(await costOf(() => find(other))).toBe(0);
  });

  it('is forgotten at once where this process ended it, without a word', async () => {
    const [admin, me, other] = [
      await makeOwner(rules, { role: 'ADMIN' }),
      await makeOwner(rules),
      await makeOwner(rules),
    ];
    const revocations = new SessionRevocations(rules.db, sessions);
    for (const owner of [me, other]) await find(owner);
    await revocations.revoke(me.viewer, me.origin, me.viewer.sessionId);
    expect(await find(me)).toBeUndefined();
    expect(await costOf(() => find(other))).toBe(0);
    await revocations.revokeOthers(admin.viewer, admin.origin, other.id);
    expect(await find(other)).toBeUndefined();
  });

  it.each([
    ['the word of its end', (owner: Owner) => word(owner)],
    ['a gap', () => signals.gap()],
    ['its end by this process', (owner: Owner, by: SessionCache) => by.forget([owner.viewer.sessionId])],
  ])('is not what was on its way when there was %s', async (_label, end) => {
    const me = await makeOwner(rules);
    const held = heldAnswers(rules.db);
    const slow = new SessionCache(held.db, { signals });
    const isHeld = held.hold();
    const before = find(me, slow);
    await isHeld;
    await change(me, REVOKED);
    end(me, slow);
    // Who asks now must not be answered by what was asked before.
    const after = find(me, slow);
    held.letIn();
    expect(await before).toBeDefined();
    expect(await after).toBeUndefined();
    expect(await find(me, slow)).toBeUndefined();
    expect(slow.size).toBe(0);
  });

  it('is at most five seconds old, whatever was lost without a word', async () => {
    const [revoked, gone, demoted, same] = await Promise.all([
      makeOwner(rules),
      makeOwner(rules),
      makeOwner(rules, { role: 'ADMIN' }),
      makeOwner(rules),
    ]);
    const began = performance.now();
    for (const owner of [revoked, gone, demoted, same]) await find(owner);
    await change(revoked, REVOKED);
    await rules.database.rows('delete from accounts where id = $1', [gone.id]);
    await rules.database.rows(`update accounts set role = 'USER' where id = $1`, [demoted.id]);
    await eventually(async () => {
      const isOld = performance.now() - began >= 5_000;
      const [one, two, three] = await Promise.all([find(revoked), find(gone), find(demoted)]);
      const isSeen = one === undefined && two === undefined && three?.role === 'USER';
      // Asking again and again keeps nothing alive.
      return isOld && isSeen;
    }, 15_000);
    expect(await find(same)).toBeDefined();
  });

  it('tells how long ago its person signed in, counting on', async () => {
    const me = await makeOwner(rules);
    await change(me, `update sessions set authenticated_at = now() - interval '100 seconds' where id = $1`);
    const first = await find(me);
    await delay(300);
    let second;
    expect(await costOf(async () => (second = await find(me)))).toBe(0);
    expect(first?.secondsSinceAuthentication).toBeGreaterThanOrEqual(100);
    const seconds = Number((second as typeof first)?.secondsSinceAuthentication);
    expect(seconds - Number(first?.secondsSinceAuthentication)).toBeGreaterThanOrEqual(0.29);
  });

  it('ends with the session, to the moment', async () => {
    const me = await makeOwner(rules);
    await change(me, `update sessions set expires_at = now() + interval '1 second' where id = $1`);
    const began = performance.now();
    expect(await find(me)).toBeDefined();
    await delay(1_050 - (performance.now() - began));
    expect(await costOf(async () => expect(await find(me)).toBeUndefined())).toBe(0);
  });
});

describe('while nothing can be heard', () => {
  it('nothing is known: each question is a statement', async () => {
    const me = await makeOwner(rules);
    await find(me);
    signals.isUp = false;
    expect(await costOf(() => Promise.all([find(me), find(me)]))).toBe(2);
    expect(sessions.size).toBe(0);
    await change(me, REVOKED);
    expect(await find(me)).toBeUndefined();
  });

  it('what was known before is not believed after, and is known anew then', async () => {
    const me = await makeOwner(rules);
    await find(me);
    signals.isUp = false;
    await change(me, REVOKED);
    signals.gap();
    signals.isUp = true;
    expect(await find(me)).toBeUndefined();
    const other = await makeOwner(rules);
    await find(other);
    expect(await costOf(() => find(other))).toBe(0);
  });

  it('a question that was asked meanwhile is not remembered once something is heard again', async () => {
    const me = await makeOwner(rules);
    const held = heldAnswers(rules.db);
    const slow = new SessionCache(held.db, { signals });
    signals.isUp = false;
    const isHeld = held.hold();
    const before = find(me, slow);
    await isHeld;
    await change(me, REVOKED);
    signals.gap();
    signals.isUp = true;
    held.letIn();
    expect(await before).toBeDefined();
    expect(await find(me, slow)).toBeUndefined();
  });
});

describe('with a line of its own to the database', () => {
  let proxy: DatabaseProxy;
  let listener: SignalListener;
  let heard: SessionCache;

  beforeAll(async () => {
    proxy = await openDatabaseProxy(rules.database.url);
    listener = new SignalListener({ url: proxy.url, channels: CHANNELS, onFault: () => undefined });
    heard = new SessionCache(db, { signals: listener });
    await listener.start();
  });
  afterAll(async () => {
    await listener.stop();
    await proxy.close();
  });

  it('a session is known until it ends', async () => {
    const me = await makeOwner(rules);
    await find(me, heard);
    expect(await costOf(() => find(me, heard))).toBe(0);
    await revokeSession(rules.db, me.viewer.sessionId);
    await eventually(async () => (await find(me, heard)) === undefined, 2_000);
  });

  it('is asked each time while the line is cut, and what ended meanwhile lets nobody in after it', async () => {
    const [me, other] = [await makeOwner(rules), await makeOwner(rules)];
    for (const owner of [me, other]) await find(owner, heard);
    await proxy.cut();
    await eventually(() => !listener.isUp);
    for (const owner of [me, other, me]) expect(await costOf(() => find(owner, heard))).toBe(1);
    await revokeSession(rules.db, me.viewer.sessionId);
    expect(await find(me, heard)).toBeUndefined();
    await proxy.restore();
    await eventually(() => listener.isUp);
    expect(await find(me, heard)).toBeUndefined();
    await find(other, heard);
    expect(await costOf(() => find(other, heard))).toBe(0);
  });
});
