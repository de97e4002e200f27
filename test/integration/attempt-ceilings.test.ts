import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Origin } from '../../src/domain/access/viewer.js';
import { PASSWORD } from '../support/accounts.js';
import { outboxOf } from '../support/batch-rows.js';
import {
  from,
  issueCodes,
  makeOwner,
  openRules,
  outcomeOf,
  type Owner,
  refusalOf,
  type Rules,
} from '../support/rules.js';

let rules: Rules;
beforeAll(async () => {
  rules = await openRules({
    MAX_ATTEMPTS: '3',
    COOLDOWN_BASE_SECONDS: '30',
    ACCOUNT_PASSWORD_CEILING: '6',
    ADDRESS_FAILURES_PER_HOUR: '100000',
  });
});
afterAll(() => rules.close());

const HOUR = 3600;
const DAY = 24 * HOUR;
const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));

async function tryPassword(by: Rules, email: string, { password = 'wrong', at = from() } = {}) {
  const outcome = await outcomeOf(by.services.signIn.withPassword(at, { email, password }));
  return typeof outcome === 'object' ? 'SIGNED_IN' : outcome;
}

async function trySignInByCode(by: Rules, email: string, { code = 'wrong', at = from() } = {}) {
  const outcome = await outcomeOf(by.services.signIn.withRecoveryCode(at, { email, code }));
  return typeof outcome === 'object' ? 'SIGNED_IN' : outcome;
}

/** Two failures from each of three addresses: the ceiling of six, and no address locked. */
async function failFromThreeAddresses(attempt: (at: Origin) => Promise<unknown>): Promise<void> {
  for (const n of [0, 1, 2, 0, 1, 2]) expect(await attempt(from(`203.0.113.${n}`))).toBe('INVALID_CREDENTIALS');
}

async function openSessionFrom(owner: Owner, network: string, age: string): Promise<void> {
  await rules.database.rows(
    `insert into sessions (id, account_id, method, network, created_at, expires_at)
     values ($1, $2, 'PASSWORD', $3, now() - $4::interval, now() + interval '1 day')`,
    [randomUUID(), owner.id, network, age],
  );
}

describe('ACCOUNT_PASSWORD_CEILING', () => {
  it('refuses passwords, right ones too, from addresses that are new to the account, for 24 hours after the last failure', async () => {
    const owner = await makeOwner(rules);
    await failFromThreeAddresses((at) => tryPassword(rules, owner.email, { at }));
    const told = await refusalOf(
      rules.services.signIn.withPassword(from('192.0.2.50'), { email: owner.email, password: PASSWORD }),
    );
    expect(told.retryAfterSeconds).toBeGreaterThan(DAY - 60);
    expect(told.retryAfterSeconds).toBeLessThanOrEqual(DAY);
    // Told once more, it is the same time: a refusal by the ceiling grows nothing.
    const again = await refusalOf(
      rules.services.signIn.withPassword(from('192.0.2.51'), { email: owner.email, password: PASSWORD }),
    );
    expect(again.retryAt).toEqual(told.retryAt);
    const by = { password: PASSWORD, at: from('192.0.2.50') };
    expect(typeof (await tryPassword(rules.at(DAY - 60), owner.email, by))).toBe('number');
    expect(await tryPassword(rules.at(DAY), owner.email, by)).toBe('SIGNED_IN');
  });

  it('never refuses recovery codes', async () => {
    const owner = await makeOwner(rules);
    const { codes } = await issueCodes(rules, owner);
    await failFromThreeAddresses((at) => tryPassword(rules, owner.email, { at }));
    await failFromThreeAddresses((at) => trySignInByCode(rules, owner.email, { at }));
    const code = codes[0] as string;
    expect(await trySignInByCode(rules, owner.email, { code, at: from('192.0.2.50') })).toBe('SIGNED_IN');
    expect(typeof (await tryPassword(rules, owner.email, { password: PASSWORD, at: from('192.0.2.51') }))).toBe(
      'number',
    );
  });

  it('does not refuse where somebody signed in to the account within 30 days', async () => {
    const owner = await makeOwner(rules);
    await openSessionFrom(owner, '192.0.2.60', '29 days 23 hours');
    await openSessionFrom(owner, '192.0.2.61', '30 days 1 hour');
    await openSessionFrom(await makeOwner(rules), '192.0.2.62', '1 hour');
    await openSessionFrom(owner, '2001:db8:0:7::/64', '1 hour');
    await failFromThreeAddresses((at) => tryPassword(rules, owner.email, { at }));
    const tries = (address: string, password: string) =>
      tryPassword(rules, owner.email, { password, at: from(address) });
    expect(typeof (await tries('192.0.2.61', PASSWORD))).toBe('number');
    expect(typeof (await tries('192.0.2.62', PASSWORD))).toBe('number');
    // A known address is limited by its own failures only.
    expect(await tries('192.0.2.60', 'wrong')).toBe('INVALID_CREDENTIALS');
    expect(await tries('2001:db8:0:7::abcd', 'wrong')).toBe('INVALID_CREDENTIALS');
    expect(await tries('192.0.2.60', PASSWORD)).toBe('SIGNED_IN');
    // Which clears the account's count, so that new addresses may try again.
    expect(await tries('192.0.2.62', PASSWORD)).toBe('SIGNED_IN');
  });

  it('counts open attempts: of many at once from many addresses only so many are hashed', async () => {
    const owner = await makeOwner(rules);
    const hashes = () => rules.counts.get('hash/password') ?? 0;
    const before = hashes();
    const outcomes = await Promise.all(
      times(30, (n) => tryPassword(rules, owner.email, { at: from(`198.51.100.${n}`) })),
    );
    expect(hashes() - before).toBe(6);
    expect(outcomes.filter((outcome) => outcome === 'INVALID_CREDENTIALS')).toHaveLength(6);
    expect(outcomes.filter((outcome) => typeof outcome === 'number')).toHaveLength(24);
  });

  it('is audited and told the owner once a day, for passwords and codes each', async () => {
    const owner = await makeOwner(rules);
    await issueCodes(rules, owner);
    const ceilingEvents = () =>
      rules.database.rows(
        `select action, count, actor_id from audit_events where account_id = $1 and reason = 'ACCOUNT_CEILING' order by id`,
        [owner.id],
      );
    const attempts = (count: number, first: number) =>
      times(count, (n) => from(`203.0.113.${first + n}`)).reduce(
        async (before, at) => void (await before, await trySignInByCode(rules, owner.email, { at })),
        Promise.resolve(),
      );
    await attempts(5, 0);
    expect(await ceilingEvents()).toEqual([]);
    await attempts(1, 5);
    expect(await ceilingEvents()).toEqual([{ action: 'RATE_LIMITED', count: 1, actor_id: null }]);
    await attempts(3, 6);
    expect(await ceilingEvents()).toEqual([{ action: 'RATE_LIMITED', count: 4, actor_id: null }]);
    await failFromThreeAddresses((at) => tryPassword(rules, owner.email, { at }));
    expect(await ceilingEvents()).toHaveLength(2);
    const told = await rules.database.rows(
      `select payload->>'credential' as credential, payload->'failures' as failures from outbox
       where topic = 'attempts-ceiling-passed' and payload->>'accountId' = $1 order by id`,
      [owner.id],
    );
    expect(told).toEqual([
      { credential: 'code', failures: 6 },
      { credential: 'password', failures: 6 },
    ]);
  });

  it('is reset by unlocking the account', async () => {
    const admin = await makeOwner(rules, { role: 'ADMIN' });
    const owner = await makeOwner(rules);
    await failFromThreeAddresses((at) => tryPassword(rules, owner.email, { at }));
    const by = { password: PASSWORD, at: from('192.0.2.50') };
    expect(typeof (await tryPassword(rules, owner.email, by))).toBe('number');
    await rules.services.accounts.unlock(admin.viewer, admin.origin, owner.id);
    expect(await tryPassword(rules, owner.email, by)).toBe('SIGNED_IN');
  });

  it('is kept for an address that nobody has, too, and told nobody', async () => {
    const email = `${randomUUID()}@example.org`;
    await failFromThreeAddresses((at) => tryPassword(rules, email, { at }));
    expect(await tryPassword(rules, email, { at: from('192.0.2.50') })).toBeGreaterThan(DAY - 60);
  });
});

describe('ADDRESS_FAILURES_PER_HOUR', () => {
  const bounded = () => rules.with({ ADDRESS_FAILURES_PER_HOUR: '6' });

  it('closes an address to every account for the rest of the hour, for passwords and codes, right ones too', async () => {
    const limited = bounded();
    const at = from('198.18.0.1');
    const victims = await Promise.all(times(3, () => makeOwner(rules)));
    const [bystander] = [await makeOwner(rules)];
    const { codes } = await issueCodes(rules, bystander);
    for (const { email } of victims) expect(await tryPassword(limited, email, { at })).toBe('INVALID_CREDENTIALS');
    expect(await tryPassword(limited, `${randomUUID()}@example.org`, { at })).toBe('INVALID_CREDENTIALS');
    expect(await trySignInByCode(limited, bystander.email, { at })).toBe('INVALID_CREDENTIALS');
    expect(await trySignInByCode(limited, `${randomUUID()}@example.org`, { at })).toBe('INVALID_CREDENTIALS');

    const code = codes[0] as string;
    const told = await refusalOf(limited.services.signIn.withRecoveryCode(at, { email: bystander.email, code }));
    expect(told.retryAfterSeconds).toBeGreaterThan(HOUR - 60);
    expect(told.retryAfterSeconds).toBeLessThanOrEqual(HOUR);
    const again = await refusalOf(
      limited.services.signIn.withPassword(at, { email: bystander.email, password: PASSWORD }),
    );
    expect(again.retryAt).toEqual(told.retryAt);

    // Elsewhere nothing is closed.
    expect(await tryPassword(limited, bystander.email, { password: PASSWORD, at: from('198.18.0.2') })).toBe(
      'SIGNED_IN',
    );
    expect(typeof (await trySignInByCode(limited.at(HOUR - 60), bystander.email, { code, at }))).toBe('number');
    const later = limited.at(HOUR);
    expect(await trySignInByCode(later, bystander.email, { code, at })).toBe('SIGNED_IN');
    // The hour is over for all six.
    const failures = times(6, () => tryPassword(later, `${randomUUID()}@example.org`, { at }));
    expect(await Promise.all(failures)).toEqual(times(6, () => 'INVALID_CREDENTIALS'));
    expect(typeof (await tryPassword(later, victims[0]?.email as string, { at }))).toBe('number');
  });

  it('is not forgiven by successes', async () => {
    const limited = bounded();
    const at = from('198.18.0.3');
    const owner = await makeOwner(rules);
    for (const round of times(6, (n) => n)) {
      expect(await tryPassword(limited, `${randomUUID()}@example.org`, { at })).toBe('INVALID_CREDENTIALS');
      if (round < 5) expect(await tryPassword(limited, owner.email, { password: PASSWORD, at })).toBe('SIGNED_IN');
    }
    expect(await tryPassword(limited, owner.email, { password: PASSWORD, at })).toBeGreaterThan(HOUR - 60);
  });

  it('counts open attempts: of many at once on many accounts only so many are hashed', async () => {
    const limited = bounded();
    const at = from('2001:db8:5:5::1');
    const outcomes = await Promise.all(
      times(30, (n) => trySignInByCode(limited, `${n}-${randomUUID()}@example.org`, { at })),
    );
    expect(limited.counts.get('hash/code')).toBe(6);
    expect(outcomes.filter((outcome) => typeof outcome === 'number')).toHaveLength(24);
  });

  it('once closed, leaves no rows for what is guessed at: neither in the limiter nor, but for one, in the audit', async () => {
    const limited = bounded();
    const at = from('198.18.0.4');
    for (const _try of times(6, (n) => n)) await tryPassword(limited, `${randomUUID()}@example.org`, { at });
    const sizes = async () =>
      await rules.database.rows(
        'select (select count(*)::int from rate_limits) as limits, (select count(*)::int from audit_events) as events',
      );
    await tryPassword(limited, `${randomUUID()}@example.org`, { at });
    const [before] = await sizes();
    const refused = await Promise.all(times(25, () => tryPassword(limited, `${randomUUID()}@example.org`, { at })));
    expect(refused.every((outcome) => typeof outcome === 'number')).toBe(true);
    const [after] = await sizes();
    expect(after).toEqual(before);
  });

  it('is skipped where the address is not known, and the account’s own limits are not', async () => {
    const limited = bounded();
    const nowhere = { address: undefined, network: undefined, userAgent: undefined };
    for (const _account of times(8, (n) => n)) {
      expect(await tryPassword(limited, `${randomUUID()}@example.org`, { at: nowhere })).toBe('INVALID_CREDENTIALS');
    }
    const owner = await makeOwner(rules);
    const outcomes: unknown[] = [];
    for (const _try of times(4, (n) => n)) {
      outcomes.push(await tryPassword(limited, owner.email, { at: nowhere }));
    }
    expect(outcomes).toEqual(['INVALID_CREDENTIALS', 'INVALID_CREDENTIALS', 'INVALID_CREDENTIALS', 30]);
    expect(await outboxOf(rules.database, owner.id)).toEqual({ 'locked-out': 1 });
  });
});

describe('signing in by code with the password (RECOVERY_SIGN_IN=with-password)', () => {
  it('counts wrong passwords and wrong codes apart, and a right password does not make guesses at codes free', async () => {
    const both = rules.with({ RECOVERY_SIGN_IN: 'with-password' });
    const owner = await makeOwner(rules);
    const { codes } = await issueCodes(rules, owner);
    const attempt = async (code: string, password: string) => {
      const input = { email: owner.email, code, password };
      const outcome = await outcomeOf(both.services.signIn.withRecoveryCode(from(), input));
      return typeof outcome === 'object' ? outcome.remainingCount : outcome;
    };
    const code = codes[0] as string;
    expect(await attempt(code, 'wrong')).toBe('INVALID_CREDENTIALS');
    const outcomes: unknown[] = [];
    for (const _try of times(4, (n) => n)) outcomes.push(await attempt('wrong', PASSWORD));
    expect(outcomes).toEqual(['INVALID_CREDENTIALS', 'INVALID_CREDENTIALS', 'INVALID_CREDENTIALS', 30]);
    // Neither was the wrong password forgiven: two more, and passwords are closed as well.
    expect(await tryPassword(both, owner.email)).toBe('INVALID_CREDENTIALS');
    expect(await tryPassword(both, owner.email)).toBe('INVALID_CREDENTIALS');
    expect(await tryPassword(both, owner.email, { password: PASSWORD })).toBe(30);
    expect(await attempt(code, PASSWORD)).toBeGreaterThanOrEqual(30);
    // One window of passwords and one of codes later: in, and the code was not spent by what was refused.
    expect(await both.services.recoveryCodes.find(owner.viewer, (await batchOf(owner)) as string)).toMatchObject({
      usedCount: 0,
    });
    const later = both.at(300);
    const input = { email: owner.email, code, password: PASSWORD };
    expect((await later.services.signIn.withRecoveryCode(from(), input)).remainingCount).toBe(9);
  });

  async function batchOf(owner: Owner) {
    return (await rules.services.accounts.belongings.activeBatches([owner.id]))[0]?.id;
  }
});
