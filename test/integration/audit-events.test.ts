import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { foldKey, raise } from '../../src/domain/events/raise.js';
import { from, issueCodes, makeOwner, openRules, outcomeOf, type Rules } from '../support/rules.js';

let rules: Rules;
beforeAll(async () => {
  rules = await openRules({ MAX_ATTEMPTS: '3' });
});
afterAll(() => rules.close());

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));

/** Whatever is folded by the hour comes out as one event, or as two where the hour turned meanwhile. */
async function foldedCount(where: string, values: unknown[]): Promise<number> {
  const rows = await rules.database.rows<{ count: number; fold_key: Buffer | null }>(
    `select count, fold_key from audit_events where ${where}`,
    values,
  );
  expect(rows.length).toBeLessThanOrEqual(2);
  for (const row of rows) expect(row.fold_key).toHaveLength(32);
  return rows.reduce((total, row) => total + row.count, 0);
}

describe('audit events of refusals', () => {
  it('are one for an account, address and hour, with a count', async () => {
    const [owner, other] = [await makeOwner(rules), await makeOwner(rules)];
    const verify = (who: typeof owner, at = who.origin) =>
      outcomeOf(rules.services.recoveryCodes.verify(who.viewer, at, 'wrong'));
    for (const _try of times(33, (n) => n)) await verify(owner);
    for (const _try of times(8, (n) => n)) await verify(owner, from('192.0.2.9'));
    for (const _try of times(5, (n) => n)) await verify(other);
    const refused = (ip: string, who: typeof owner) =>
      foldedCount(`action = 'RATE_LIMITED' and reason = 'VERIFY' and ip_address = $1 and account_id = $2`, [
        ip,
        who.id,
      ]);
    expect(await refused('192.0.2.1', owner)).toBe(30);
    expect(await refused('192.0.2.9', owner)).toBe(5);
    expect(await refused('192.0.2.1', other)).toBe(2);
    // What a signed-in account tried and failed at is told one by one.
    const rejected = await rules.database.rows(
      `select count, actor_id, session_id from audit_events where action = 'CODE_REJECTED' and account_id = $1`,
      [owner.id],
    );
    expect(rejected).toEqual(times(6, () => ({ count: 1, actor_id: owner.id, session_id: owner.viewer.sessionId })));
    // The next hour is another event.
    await outcomeOf(rules.at(3600).services.recoveryCodes.verify(owner.viewer, owner.origin, 'wrong'));
    await outcomeOf(rules.at(3600).services.recoveryCodes.verify(owner.viewer, owner.origin, 'wrong'));
    const hours = await rules.database.rows(
      `select 1 from audit_events where action = 'RATE_LIMITED' and ip_address = '192.0.2.1' and account_id = $1`,
      [owner.id],
    );
    expect(hours.length).toBeGreaterThanOrEqual(2);
  });

  it('are exact when they are written at the same time', async () => {
    const owner = await makeOwner(rules);
    await issueCodes(rules, owner);
    await Promise.all(
      times(100, () => outcomeOf(rules.services.recoveryCodes.generate(owner.viewer, owner.origin, {}))),
    );
    expect(await foldedCount(`reason = 'GENERATE' and account_id = $1`, [owner.id])).toBe(100);
  });

  it('of anonymous attempts at one account are one for a network and hour, by method', async () => {
    const owner = await makeOwner(rules);
    await issueCodes(rules, owner);
    const { signIn } = rules.services;
    for (const address of ['2001:db8:9:9::1', '2001:db8:9:9::2', '198.51.100.3']) {
      await outcomeOf(signIn.withPassword(from(address), { email: owner.email, password: 'wrong' }));
      await outcomeOf(signIn.withRecoveryCode(from(address), { email: owner.email, code: 'wrong' }));
    }
    const events = await rules.database.rows<{ method: string; count: number; ip: string }>(
      `select method, sum(count)::int as count, min(ip_address) as ip, bool_and(actor_id is null) as is_anonymous
       from audit_events where action = 'SIGN_IN_REJECTED' and account_id = $1
       group by method, ip_address like '2001:%' order by method, count`,
      [owner.id],
    );
    expect(events).toEqual([
      { method: 'PASSWORD', count: 1, ip: '198.51.100.3', is_anonymous: true },
      { method: 'PASSWORD', count: 2, ip: '2001:db8:9:9::1', is_anonymous: true },
      { method: 'RECOVERY_CODE', count: 1, ip: '198.51.100.3', is_anonymous: true },
      { method: 'RECOVERY_CODE', count: 2, ip: '2001:db8:9:9::1', is_anonymous: true },
    ]);
  });

  it('of a flood over guessed addresses do not grow the table with it', async () => {
    const before = await rules.database.rows('select 1 from audit_events');
    const at = from('198.51.100.99');
    for (const email of times(40, () => `${randomUUID()}@example.org`)) {
      for (const _try of times(5, (n) => n)) {
        await outcomeOf(rules.services.signIn.withRecoveryCode(at, { email, code: 'wrong' }));
      }
    }
    const after = await rules.database.rows('select 1 from audit_events');
    // Two kinds of event, each at most twice where the hour turned.
    expect(after.length - before.length).toBeLessThanOrEqual(4);
    const total = (action: string) => foldedCount(`action = '${action}' and ip_address = '198.51.100.99'`, []);
    expect(await total('SIGN_IN_REJECTED')).toBe(120);
    expect(await total('RATE_LIMITED')).toBe(80);
  });

  it('hold nothing of what was typed', async () => {
    const owner = await makeOwner(rules);
    const typed = 'Typed-Secret-Of-Somebody';
    await outcomeOf(rules.services.recoveryCodes.verify(owner.viewer, owner.origin, typed));
    await outcomeOf(rules.services.signIn.withPassword(from(), { email: `${typed}@example.org`, password: typed }));
    const found = await rules.database.rows(
      `select 'audit' as place from audit_events e where to_jsonb(e)::text ilike $1
       union all select 'outbox' from outbox o where to_jsonb(o)::text ilike $1
       union all select 'limits' from rate_limits r where to_jsonb(r)::text ilike $1`,
      ['%typed-secret%'],
    );
    expect(found).toEqual([]);
  });
});

describe('folding', () => {
  it('is by key, action and hour, or by the day where it says so', async () => {
    const accountId = randomUUID();
    const event = { action: 'RATE_LIMITED' as const, accountId, reason: 'VERIFY' as const };
    const write = (by: Rules, part: string, span: 'hour' | 'day', action = event.action as string) =>
      raise(by.db, [{ ...event, action: action as 'RATE_LIMITED', fold: { key: foldKey(part), by: span } }]);
    // From the first minute of a day on, so that no boundary falls in between.
    const [{ seconds } = { seconds: 0 }] = await rules.database.rows<{ seconds: number }>(
      `select extract(epoch from date_trunc('day', now(), 'UTC') + interval '1 day 1 minute' - now())::int as seconds`,
    );
    const [first, sameHour, nextHour, nextDay] = [0, 3000, 3600, 86_400].map((more) => rules.at(seconds + more));
    for (const by of [first, sameHour, nextHour]) await write(by as Rules, 'a', 'hour');
    for (const by of [first, sameHour, nextHour, nextDay]) await write(by as Rules, 'b', 'day');
    await write(first as Rules, 'c', 'hour');
    await write(first as Rules, 'c', 'hour', 'SIGN_IN_REJECTED');
    await write(first as Rules, 'c', 'hour');
    const counts = await rules.database.rows<{ count: number }>(
      'select count from audit_events where account_id = $1 order by id',
      [accountId],
    );
    // a: 2 and 1; b: 3 and 1; c: 2 and 1 of another action.
    expect(counts.map(({ count }) => count).toSorted((a, b) => a - b)).toEqual([1, 1, 1, 2, 2, 3]);
  });

  it('does not depend on the time zone that a process has', async () => {
    const accountId = randomUUID();
    const fold = { key: foldKey(accountId), by: 'hour' as const };
    for (const zone of ['UTC', 'Asia/Kolkata', 'America/New_York']) {
      await rules.db.transaction().execute(async (tx) => {
        await sql`select set_config('timezone', ${zone}, true)`.execute(tx);
        await raise(tx, [{ action: 'RATE_LIMITED', accountId, reason: 'VERIFY', fold }]);
      });
    }
    expect(await foldedCount('account_id = $1', [accountId])).toBe(3);
    const events = await rules.database.rows('select 1 from audit_events where account_id = $1', [accountId]);
    expect(events.length).toBeLessThanOrEqual(2);
  });
});

describe('the table of audit events', () => {
  /** How a statement in a transaction of its own ends: the rows it touched, or the code of its error. */
  async function attempt(statement: string, { isCleanup = false } = {}): Promise<number | string | null> {
    const client = await rules.database.pool.connect();
    try {
      await client.query('begin');
      if (isCleanup) await client.query(`set local sparekey.cleanup = 'on'`);
      return (await client.query(statement)).rowCount;
    } catch (error) {
      return (error as { code: string }).code;
    } finally {
      await client.query('rollback');
      client.release();
    }
  }
  const REFUSED = '23000';
  const FOLDED = `(select id from audit_events where fold_key is not null order by id limit 1)`;
  const SINGLE = `(select id from audit_events where fold_key is null order by id limit 1)`;

  beforeAll(async () => {
    await raise(rules.db, [
      { action: 'RATE_LIMITED', reason: 'VERIFY', fold: { key: foldKey('x'), by: 'hour' } },
      { action: 'SIGNED_OUT', accountId: randomUUID() },
    ]);
  });

  it.each([
    `delete from audit_events where id = ${SINGLE}`,
    `delete from audit_events where id = ${FOLDED}`,
    'truncate audit_events',
    `update audit_events set reason = 'other' where id = ${SINGLE}`,
    `update audit_events set count = count + 1 where id = ${SINGLE}`,
    `update audit_events set count = count - 1 where id = ${FOLDED}`,
    `update audit_events set count = count where id = ${FOLDED}`,
    `update audit_events set count = count + 1, reason = 'other' where id = ${FOLDED}`,
    `update audit_events set count = count + 1, fold_key = null where id = ${FOLDED}`,
    `update audit_events set count = count + 1, created_at = created_at - interval '1 day' where id = ${FOLDED}`,
    `update audit_events set account_id = null where id = ${FOLDED}`,
  ])('refuses: %s', async (statement) => {
    expect(await attempt(statement)).toBe(REFUSED);
  });

  it('lets the count of a folded event be raised, and nothing else', async () => {
    expect(await attempt(`update audit_events set count = count + 3 where id = ${FOLDED}`)).toBe(1);
  });

  it('lets the clean-up delete, within its own transaction only, and neither change nor truncate', async () => {
    expect(await attempt(`delete from audit_events where id = ${SINGLE}`, { isCleanup: true })).toBe(1);
    expect(await attempt(`delete from audit_events where id = ${SINGLE}`)).toBe(REFUSED);
    expect(await attempt(`update audit_events set reason = 'x' where id = ${SINGLE}`, { isCleanup: true })).toBe(
      REFUSED,
    );
    expect(await attempt('truncate audit_events', { isCleanup: true })).toBe(REFUSED);
  });
});
