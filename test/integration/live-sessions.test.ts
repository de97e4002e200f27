import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { requireAdmin } from '../../src/domain/access/rules.js';
import { revokeSession } from '../../src/domain/accounts/sessions.js';
import { authorizedEvents } from '../../src/domain/live/authorized-events.js';
import { LatestEvents } from '../../src/domain/live/latest-events.js';
import type { LiveSession } from '../../src/domain/live/live-session.js';
import { LiveSessions } from '../../src/domain/live/live-sessions.js';
import { eventually } from '../support/eventually.js';
import { issueCodes, makeOwner, openRules, type Owner, type Rules } from '../support/rules.js';
import { SaidSignals } from '../support/said-signals.js';
import { statementsOf } from '../support/statements.js';

const HOUR_MS = 3_600_000;

let rules: Rules;
let signals: SaidSignals;
let sessions: LiveSessions;
let kid: string;
let faults: unknown[];
const entered: LiveSession[] = [];

beforeAll(async () => {
  rules = await openRules();
  ({ kid } = await rules.services.signingKeys.current());
});
beforeEach(() => {
  signals = new SaidSignals();
  faults = [];
  const keys = rules.services.signingKeys;
  sessions = new LiveSessions({ db: rules.db, signals, keys, onFault: (error) => faults.push(error) });
});
afterEach(() => {
  for (const session of entered.splice(0)) session.leave();
});
afterAll(() => rules.close());

interface Followed {
  readonly session: LiveSession;
  /** How often it was told that it ended. */
  ends: number;
}

async function enter({ viewer }: Owner, livesMs = HOUR_MS): Promise<Followed | undefined> {
  const { sessionId, accountId } = viewer;
  const followed = { ends: 0 };
  const claims = { sessionId, accountId, expiresAt: new Date(Date.now() + livesMs), kid };
  const session = await sessions.enter(claims, () => (followed.ends += 1));
  if (session === undefined) return undefined;
  entered.push(session);
  return Object.assign(followed, { session });
}

async function mustEnter(owner: Owner, livesMs?: number): Promise<Followed> {
  const followed = await enter(owner, livesMs);
  if (followed === undefined) throw new Error('It was not let in.');
  return followed;
}

/** Without a word to anybody. */
const revoke = ({ viewer }: Owner) =>
  rules.database.rows('update sessions set revoked_at = now() where id = $1', [viewer.sessionId]);

const reads = (texts: readonly string[]) => texts.filter((text) => text.includes('from sessions s join accounts a'));

describe('a session behind a socket', () => {
  it('lets in whom it is of, and whoever else it is of is not let in', async () => {
    const [me, other] = [await makeOwner(rules, { role: 'ADMIN' }), await makeOwner(rules)];
    const { session } = await mustEnter(me);
    const { secondsSinceAuthentication: _, ...viewer } = me.viewer;
    expect(session.viewer).toMatchObject(viewer);
    expect(await session.check()).toMatchObject(viewer);
    expect(await enter({ ...me, viewer: { ...me.viewer, accountId: other.id } })).toBeUndefined();
  });

  it('lets nobody in once it is revoked, expired or gone', async () => {
    const [revoked, expired, gone] = [await makeOwner(rules), await makeOwner(rules), await makeOwner(rules)];
    await revoke(revoked);
    await rules.database.rows('update sessions set expires_at = now() where id = $1', [expired.viewer.sessionId]);
    await rules.database.rows('delete from accounts where id = $1', [gone.id]);
    for (const owner of [revoked, expired, gone]) expect(await enter(owner)).toBeUndefined();
  });

  it('ends with its token', async () => {
    const followed = await mustEnter(await makeOwner(rules), 300);
    const stream = new LatestEvents<string>(() => undefined);
    followed.session.carry(stream);
    const next = stream.next();
    await delay(150);
    expect([followed.ends, followed.session.viewer.kind]).toEqual([0, 'signed-in']);
    expect(await next).toEqual({ done: true, value: undefined });
    expect([followed.ends, followed.session.viewer.kind]).toEqual([1, 'rejected']);
    expect(await followed.session.check()).toEqual({ kind: 'rejected' });
  });

  it('ends at once when it is said to have ended, for all of its sockets and for no other session', async () => {
    const [me, other] = [await makeOwner(rules), await makeOwner(rules)];
    const mine = [await mustEnter(me), await mustEnter(me)];
    const theirs = await mustEnter(other);
    signals.say('sparekey_session_ended', me.viewer.sessionId);
    expect(mine.map(({ ends }) => ends)).toEqual([1, 1]);
    expect(theirs.ends).toBe(0);
    signals.say('sparekey_session_ended', me.viewer.sessionId);
    expect(mine.map(({ ends }) => ends)).toEqual([1, 1]);
  });

  it('ends although another socket of it cannot be told', async () => {
    const me = await makeOwner(rules);
    const { sessionId, accountId } = me.viewer;
    const fault = new Error('of this socket');
    const claims = { sessionId, accountId, expiresAt: new Date(Date.now() + HOUR_MS), kid: undefined };
    await sessions.enter(claims, () => {
      throw fault;
    });
    const mine = await mustEnter(me);
    signals.say('sparekey_session_ended', sessionId);
    expect([mine.ends, faults]).toEqual([1, [fault]]);
  });

  it('ends that is revoked while it is entered', async () => {
    const me = await makeOwner(rules);
    const entering = enter(me);
    signals.say('sparekey_session_ended', me.viewer.sessionId);
    expect(await entering).toBeUndefined();
  });

  it.each([
    ['the session is revoked', 'update sessions set revoked_at = now() where id = $1'],
    [
      'the account is no admin any more',
      `update accounts set role = 'USER' where id = (select account_id from sessions where id = $1)`,
    ],
    ['the account is gone', 'delete from accounts where id = (select account_id from sessions where id = $1)'],
  ])('ends within five seconds when %s and nobody says so', async (_label, statement) => {
    const me = await makeOwner(rules, { role: 'ADMIN' });
    const followed = await mustEnter(me);
    await rules.database.rows(statement, [me.viewer.sessionId]);
    await eventually(() => followed.ends === 1, 5_000);
    expect(followed.session.viewer).toEqual({ kind: 'rejected' });
  });

  it('is read again after a gap', async () => {
    const me = await makeOwner(rules);
    const followed = await mustEnter(me);
    await revoke(me);
    signals.gap();
    await eventually(() => followed.ends === 1, 1_000);
  });

  it('tells nobody of its end who has left it, and closes what it carried', async () => {
    const followed = await mustEnter(await makeOwner(rules), 200);
    let closed = 0;
    followed.session.carry(new LatestEvents(() => (closed += 1)));
    expect(followed.session.streams).toBe(1);
    followed.session.leave();
    expect([closed, followed.session.streams]).toEqual([1, 0]);
    await delay(300);
    expect(followed.ends).toBe(0);
    followed.session.carry(new LatestEvents(() => (closed += 1)));
    expect([closed, followed.session.streams]).toEqual([2, 0]);
  });
});

describe('what sessions cost', () => {
  it('is one statement for all of them, every few seconds, and none for an event', async () => {
    const owners = await Promise.all(Array.from({ length: 20 }, () => makeOwner(rules)));
    const all = await Promise.all(owners.map((owner) => mustEnter(owner)));
    const texts = await statementsOf(rules.database.pool, async () => {
      for (const { session } of all) for (let count = 0; count < 50; count += 1) await session.check();
      await delay(4_500);
    });
    expect(reads(texts)).toHaveLength(1);
  });

  it('is one statement for those that are entered together', async () => {
    const owners = await Promise.all(Array.from({ length: 50 }, () => makeOwner(rules)));
    const texts = await statementsOf(rules.database.pool, () => Promise.all(owners.map((owner) => mustEnter(owner))));
    expect(reads(texts).length).toBeLessThanOrEqual(2);
  });

  it('is nothing once all have left', async () => {
    const { session } = await mustEnter(await makeOwner(rules));
    session.leave();
    const texts = await statementsOf(rules.database.pool, async () => {
      signals.gap();
      await delay(4_500);
    });
    expect(reads(texts)).toEqual([]);
  });
});

describe('while nothing can be heard', () => {
  it('a session is read before each event', async () => {
    const me = await makeOwner(rules);
    const followed = await mustEnter(me);
    signals.isUp = false;
    const texts = await statementsOf(rules.database.pool, async () => {
      for (let count = 0; count < 3; count += 1)
        expect(await followed.session.check()).toMatchObject({ kind: 'signed-in' });
    });
    expect(reads(texts)).toHaveLength(3);
    await revoke(me);
    expect(await followed.session.check()).toEqual({ kind: 'rejected' });
    expect(followed.ends).toBe(1);
  });

  it('the events of many ask together', async () => {
    const owners = await Promise.all(Array.from({ length: 30 }, () => makeOwner(rules)));
    const all = await Promise.all(owners.map((owner) => mustEnter(owner)));
    signals.isUp = false;
    const texts = await statementsOf(rules.database.pool, () =>
      Promise.all(all.map(async ({ session }) => await session.check())),
    );
    expect(reads(texts).length).toBeLessThanOrEqual(2);
  });
});

describe('events of a session', () => {
  async function following(owner: Owner) {
    const followed = await mustEnter(owner);
    const source = new LatestEvents<string>(() => undefined);
    return { followed, source, events: authorizedEvents(source, followed.session, requireAdmin) };
  }

  it('come as long as it may have them', async () => {
    const { source, events, followed } = await following(await makeOwner(rules, { role: 'ADMIN' }));
    source.offer('a', 'one');
    expect(await events.next()).toEqual({ done: false, value: 'one' });
    await events.return?.();
    expect(followed.session.streams).toBe(0);
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  it('do not come to one that was revoked before the event, whoever said so', async () => {
    for (const tell of ['signal', 'nobody'] as const) {
      signals.isUp = true;
      const me = await makeOwner(rules, { role: 'ADMIN' });
      const { source, events } = await following(me);
      const next = events.next();
      await delay(20);
      await revoke(me);
      if (tell === 'signal') signals.say('sparekey_session_ended', me.viewer.sessionId);
      else signals.isUp = false;
      source.offer('a', 'one');
      expect(await next).toEqual({ done: true, value: undefined });
    }
  });

  it('do not come to an admin who is none any more', async () => {
    const me = await makeOwner(rules, { role: 'ADMIN' });
    const { source, events, followed } = await following(me);
    signals.isUp = false;
    await rules.database.rows(`update accounts set role = 'USER' where id = $1`, [me.id]);
    source.offer('a', 'one');
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(followed.ends).toBe(1);
  });
});

describe('ending a session', () => {
  let line: pg.Client;
  let heard: (string | undefined)[];

  beforeEach(async () => {
    line = new pg.Client({ connectionString: rules.database.url });
    await line.connect();
    heard = [];
    line.on('notification', ({ payload }) => heard.push(payload));
    await line.query('listen sparekey_session_ended');
  });
  afterEach(() => line.end());

  /** Whatever was committed before is heard with the answer to a statement. */
  const told = async (of: Owner) => {
    await line.query('select 1');
    return heard.filter((payload) => payload === of.viewer.sessionId);
  };

  it('is told with its commit, once', async () => {
    const me = await makeOwner(rules);
    await rules.db.transaction().execute(async (tx) => {
      expect(await revokeSession(tx, me.viewer.sessionId)).toBe(true);
      expect(await told(me)).toEqual([]);
    });
    expect(await told(me)).toEqual([me.viewer.sessionId]);
    expect(await revokeSession(rules.db, me.viewer.sessionId)).toBe(false);
    expect(await told(me)).toHaveLength(1);
  });

  it('says nothing where it is rolled back', async () => {
    const me = await makeOwner(rules);
    const undone = rules.db.transaction().execute(async (tx) => {
      await revokeSession(tx, me.viewer.sessionId);
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await told(me)).toEqual([]);
  });

  it('wipes a copy that was being made when it was asked for', async () => {
    const me = await makeOwner(rules);
    const { id: batchId } = await issueCodes(rules, me);
    const copies = () => rules.database.rows('select 1 from code_copies where batch_id = $1', [batchId]);
    const [copy] = await rules.database.rows<{ row: object }>(
      'delete from code_copies where batch_id = $1 returning to_jsonb(code_copies) as row',
      [batchId],
    );
    // As issuing does it: the session is held while its copy is made.
    await line.query('begin');
    await line.query('select id from sessions where id = $1 for share', [me.viewer.sessionId]);
    await line.query('insert into code_copies select * from jsonb_populate_record(null::code_copies, $1)', [copy?.row]);
    const ending = rules.db.transaction().execute((tx) => revokeSession(tx, me.viewer.sessionId));
    await eventually(async () => {
      const waiting = await rules.database.rows(
        `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return waiting.length > 0;
    });
    await line.query('commit');
    expect(await ending).toBe(true);
    expect(await copies()).toEqual([]);
  });
});
