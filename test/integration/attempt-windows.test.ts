import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Origin } from '../../src/domain/access/viewer.js';
import { Limiter } from '../../src/domain/limits/limiter.js';
import { noMeter } from '../../src/domain/meter.js';
import { PASSWORD } from '../support/accounts.js';
import { auditOf, outboxOf } from '../support/batch-rows.js';
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
    COOLDOWN_MULTIPLIER: '2',
    COOLDOWN_CUTOFF_SECONDS: '300',
  });
});
afterAll(() => rules.close());

const DAY = 86_400;
const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));

/** An attempt at a code: its outcome, or the seconds that it was told to wait. */
async function tryCode(by: Rules, { viewer, origin }: Owner, code = 'wrong', at: Origin = origin) {
  const outcome = await outcomeOf(by.services.recoveryCodes.verify(viewer, at, code));
  return typeof outcome === 'object' ? outcome.outcome : outcome;
}

/** A sign-in by password: SIGNED_IN, an error code, or the seconds to wait. */
async function tryPassword(by: Rules, email: string, password = 'wrong', at: Origin = from()) {
  const outcome = await outcomeOf(by.services.signIn.withPassword(at, { email, password }));
  return typeof outcome === 'object' ? 'SIGNED_IN' : outcome;
}

async function trySignInByCode(by: Rules, email: string, code = 'wrong', at: Origin = from()) {
  const outcome = await outcomeOf(by.services.signIn.withRecoveryCode(at, { email, code }));
  return typeof outcome === 'object' ? 'SIGNED_IN' : outcome;
}

/** Several attempts one after the other. */
async function inTurn<T>(count: number, attempt: () => Promise<T>): Promise<T[]> {
  const outcomes: T[] = [];
  for (let n = 0; n < count; n += 1) outcomes.push(await attempt());
  return outcomes;
}

/** An account with codes, and as many failures as open the first window. */
async function lockedOwner() {
  const owner = await makeOwner(rules);
  const { codes } = await issueCodes(rules, owner);
  expect(await inTurn(3, () => tryCode(rules, owner))).toEqual(['REJECTED', 'REJECTED', 'REJECTED']);
  return { owner, codes };
}

async function storedPair(owner: Owner, credential: 'code' | 'password' = 'code', at: Origin = owner.origin) {
  const [row] = await rules.database.rows<Record<string, unknown>>(
    'select count, step, is_told, blocked_until, open_slots from rate_limits where key = $1',
    [rules.keyring.mark('limits', 'pair', credential, owner.email, at.network ?? '')],
  );
  return row;
}

describe('the window after MAX_ATTEMPTS failures', () => {
  it('tells the first refused attempt the rest of it, and each later one the next step up to the cutoff', async () => {
    const { owner } = await lockedOwner();
    expect(await inTurn(6, () => tryCode(rules, owner))).toEqual([30, 60, 120, 240, 300, 300]);
  });

  it('is enforced as it is told, and a refusal says until when', async () => {
    for (const [presses, wait] of [
      [1, 30],
      [2, 60],
      [3, 120],
      [5, 300],
    ] as const) {
      const { owner, codes } = await lockedOwner();
      const hasty = await lockedOwner();
      await inTurn(presses - 1, () => tryCode(rules, owner));
      const { retryAt, retryAfterSeconds } = await refusalOf(
        rules.services.recoveryCodes.verify(owner.viewer, owner.origin, codes[0] as string),
      );
      expect(retryAfterSeconds).toBe(wait);
      expect((await storedPair(owner))?.['blocked_until']).toEqual(retryAt);
      await inTurn(presses, () => tryCode(rules, hasty.owner));
      expect(typeof (await tryCode(rules.at(wait - 2), hasty.owner, hasty.codes[0]))).toBe('number');
      expect(await tryCode(rules.at(wait), owner, codes[0])).toBe('ACCEPTED');
    }
  });

  it('lets one attempt through when it ends, whose failure is the next step: waiting forgives nothing', async () => {
    const { owner } = await lockedOwner();
    let waited = 0;
    for (const [wait, next] of [
      [30, 60],
      [60, 120],
      [120, 240],
      [240, 300],
      [300, 300],
    ] as const) {
      waited += wait;
      const later = rules.at(waited);
      expect(await tryCode(later, owner)).toBe('REJECTED');
      const [row] = await rules.database.rows<{ left: number }>(
        `select extract(epoch from blocked_until - last_counted_at)::float8 as left from rate_limits where key = $1`,
        [rules.keyring.mark('limits', 'pair', 'code', owner.email, '192.0.2.1')],
      );
      expect(row).toEqual({ left: next });
    }
    const muchLater = rules.at(waited + 20 * 3600);
    expect(await tryCode(muchLater, owner)).toBe('REJECTED');
    expect(await tryCode(muchLater, owner)).toBe(300);
  });

  it('goes on in the same sequence when refusals and failures alternate', async () => {
    const { owner } = await lockedOwner();
    expect(await inTurn(2, () => tryCode(rules, owner))).toEqual([30, 60]);
    const later = rules.at(60);
    expect(await tryCode(later, owner)).toBe('REJECTED');
    expect(await tryCode(later, owner)).toBe(240);
    expect(await tryCode(later, owner)).toBe(300);
  });

  it('lets exactly one of parallel attempts through when it ends', async () => {
    const { owner } = await lockedOwner();
    const later = rules.at(31);
    const outcomes = await Promise.all(times(20, () => tryCode(later, owner)));
    expect(outcomes.filter((outcome) => outcome === 'REJECTED')).toHaveLength(1);
    expect(outcomes.filter((outcome) => typeof outcome === 'number')).toHaveLength(19);
    expect(later.counts.get('hash/code')).toBe(1);
  });

  it('is cleared by a success after it', async () => {
    const { owner, codes } = await lockedOwner();
    const later = rules.at(30);
    expect(await tryCode(later, owner, codes[0])).toBe('ACCEPTED');
    expect(await storedPair(owner)).toEqual({
      count: 0,
      step: 0,
      is_told: false,
      blocked_until: null,
      open_slots: {},
    });
    expect(await inTurn(5, () => tryCode(later, owner))).toEqual(['REJECTED', 'REJECTED', 'REJECTED', 30, 60]);
  });

  it('does not begin while successes come between failures', async () => {
    const owner = await makeOwner(rules);
    const { codes } = await issueCodes(rules, owner);
    for (const code of codes.slice(0, 3)) {
      expect(await inTurn(2, () => tryCode(rules, owner))).toEqual(['REJECTED', 'REJECTED']);
      expect(await tryCode(rules, owner, code)).toBe('ACCEPTED');
    }
  });

  it('forgets failures 24 hours after the last one, not earlier', async () => {
    const [early, late] = [await makeOwner(rules), await makeOwner(rules)];
    for (const owner of [early, late]) await inTurn(2, () => tryCode(rules, owner));
    expect(await inTurn(2, () => tryCode(rules.at(DAY - 60), early))).toEqual(['REJECTED', 30]);
    expect(await inTurn(4, () => tryCode(rules.at(DAY), late))).toEqual(['REJECTED', 'REJECTED', 'REJECTED', 30]);
  });

  it('forgets the steps it has grown by 24 hours after the last failure', async () => {
    const { owner } = await lockedOwner();
    await inTurn(4, () => tryCode(rules, owner));
    const later = rules.at(DAY);
    expect(await inTurn(4, () => tryCode(later, owner))).toEqual(['REJECTED', 'REJECTED', 'REJECTED', 30]);
  });

  it('stays at its cutoff however often it is pressed, without an overflow', async () => {
    const steep = rules.with({ COOLDOWN_MULTIPLIER: '10', COOLDOWN_CUTOFF_SECONDS: '86400' });
    const { owner } = await lockedOwner();
    await tryCode(steep, owner);
    for (const step of [65, 400, 2_147_483_647]) {
      await rules.database.rows('update rate_limits set step = $1 where step > 0 and blocked_until > now()', [step]);
      expect(await tryCode(steep, owner)).toBe(86_400);
    }
    await rules.database.rows('update rate_limits set blocked_until = now(), step = 2147483647 where step > 0');
    expect(await tryCode(steep, owner)).toBe('REJECTED');
    expect(await tryCode(steep, owner)).toBe(86_400);
  });
});

describe('what counts as a failure', () => {
  it('a code that a verification, a sign-in, a set-up test or a revocation by plaintext does not find', async () => {
    const { recoveryCodes, signIn } = rules.services;
    const failures: Record<string, (owner: Owner) => Promise<unknown>> = {
      verification: ({ viewer, origin }) => recoveryCodes.verify(viewer, origin, 'wrong'),
      'sign-in': ({ email, origin }) => outcomeOf(signIn.withRecoveryCode(origin, { email, code: 'wrong' })),
      'set-up test': ({ viewer, origin }) => recoveryCodes.test(viewer, origin, 'wrong'),
      invalidation: ({ viewer, origin }) => recoveryCodes.revoke(viewer, origin, { code: 'wrong', to: 'INVALIDATED' }),
      deletion: ({ viewer, origin }) => recoveryCodes.revoke(viewer, origin, { code: 'wrong', to: 'PENDING_DELETION' }),
    };
    for (const [name, fail] of Object.entries(failures)) {
      const owner = await makeOwner(rules);
      await issueCodes(rules, owner);
      await fail(owner);
      expect([name, await storedPair(owner)]).toMatchObject([name, { count: 1, open_slots: {} }]);
      // All of them are counted together.
      for (const [other] of Object.entries(failures).slice(0, 2)) await failures[other]?.(owner);
      expect([name, await tryCode(rules, owner)]).toEqual([name, 30]);
    }
  });

  it('neither what was so already nor a call by id nor an admin’s, and none of them forgives', async () => {
    const admin = await makeOwner(rules, { role: 'ADMIN' });
    const owner = await makeOwner(rules);
    const { recoveryCodes } = rules.services;
    const { codes } = await issueCodes(rules, owner);
    const code = (index: number) => codes[index] as string;
    const { viewer, origin } = owner;
    await recoveryCodes.verify(viewer, origin, code(0));
    await recoveryCodes.revoke(viewer, origin, { code: code(1), to: 'INVALIDATED' });
    await recoveryCodes.test(viewer, origin, code(2));
    await tryCode(rules, owner);
    const counted = { count: 1, step: 0, open_slots: {} };
    expect(await storedPair(owner)).toMatchObject(counted);
    const [row] = await rules.database.rows<{ id: string }>(
      `select id from recovery_codes c where batch_id = (select id from recovery_code_batches where account_id = $1)
         and position = 4`,
      [owner.id],
    );
    const byId = { codeId: row?.id as string, to: 'INVALIDATED' as const };
    const neutral: (() => Promise<{ outcome: string }>)[] = [
      () => recoveryCodes.revoke(viewer, origin, { code: code(0), to: 'INVALIDATED' }),
      () => recoveryCodes.revoke(viewer, origin, { code: code(1), to: 'PENDING_DELETION' }),
      () => recoveryCodes.test(viewer, origin, 'wrong'),
      () => recoveryCodes.revoke(viewer, origin, { ...byId, codeId: admin.id }),
      () => recoveryCodes.revoke(admin.viewer, origin, byId),
      () => recoveryCodes.revoke(viewer, origin, byId),
    ];
    const outcomes: string[] = [];
    for (const call of neutral) {
      outcomes.push((await call()).outcome);
      expect(await storedPair(owner)).toMatchObject(counted);
    }
    expect(outcomes).toEqual([
      'ALREADY_USED',
      'ALREADY_INVALIDATED',
      'ALREADY_VERIFIED',
      'NOT_FOUND',
      'DONE',
      'ALREADY_INVALIDATED',
    ]);
    const expired = rules.at(2 * DAY);
    const mortal = await makeOwner(rules);
    const dying = await issueCodes(rules, mortal, 1);
    const revoked = { code: dying.codes[0] as string, to: 'INVALIDATED' as const };
    expect(await expired.services.recoveryCodes.revoke(mortal.viewer, origin, revoked)).toMatchObject({
      outcome: 'EXPIRED',
    });
    expect(await expired.services.recoveryCodes.test(mortal.viewer, origin, 'wrong')).toMatchObject({
      outcome: 'NO_ACTIVE_BATCH',
    });
    expect(await storedPair(mortal)).toMatchObject({ count: 0, open_slots: {} });
  });

  it('is forgiven by a revocation by plaintext and by a passed set-up test', async () => {
    const owner = await makeOwner(rules);
    const { codes } = await issueCodes(rules, owner);
    const { recoveryCodes } = rules.services;
    await inTurn(2, () => tryCode(rules, owner));
    await recoveryCodes.revoke(owner.viewer, owner.origin, { code: codes[0], to: 'INVALIDATED' });
    expect(await storedPair(owner)).toMatchObject({ count: 0 });
    await inTurn(2, () => tryCode(rules, owner));
    await recoveryCodes.test(owner.viewer, owner.origin, codes[1] as string);
    expect(await storedPair(owner)).toMatchObject({ count: 0 });
  });

  it('a wrong current password, together with wrong passwords at signing in', async () => {
    const owner = await makeOwner(rules);
    const stale = { ...owner.viewer, secondsSinceAuthentication: 100_000 };
    const issue = (currentPassword: string) =>
      outcomeOf(rules.services.recoveryCodes.generate(stale, owner.origin, { currentPassword }));
    expect(await inTurn(2, () => issue('wrong'))).toEqual(['INVALID_CREDENTIALS', 'INVALID_CREDENTIALS']);
    expect(await tryPassword(rules, owner.email)).toBe('INVALID_CREDENTIALS');
    expect(await issue(PASSWORD)).toBe(30);
    expect(await tryPassword(rules, owner.email, PASSWORD)).toBe(60);
    expect(await rules.services.accounts.belongings.batches([{ id: owner.id, request: {} }])).toMatchObject([
      { totalCount: 0 },
    ]);
  });
});

describe('what is counted apart', () => {
  it('passwords and recovery codes', async () => {
    const { owner, codes } = await lockedOwner();
    expect(await tryPassword(rules, owner.email, PASSWORD)).toBe('SIGNED_IN');
    // A success with the password does not forgive guesses at codes.
    expect(await trySignInByCode(rules, owner.email, codes[0])).toBe(30);
    const other = await makeOwner(rules);
    const { codes: others } = await issueCodes(rules, other);
    await inTurn(3, () => tryPassword(rules, other.email));
    expect(await tryPassword(rules, other.email, PASSWORD)).toBe(30);
    expect(await trySignInByCode(rules, other.email, others[0])).toBe('SIGNED_IN');
    expect(await tryPassword(rules, other.email, PASSWORD)).toBe(60);
  });

  it('addresses, so that strangers do not lock the owner out', async () => {
    const { owner, codes } = await lockedOwner();
    expect(await tryCode(rules, owner, codes[0])).toBe(30);
    expect(await tryCode(rules, owner, codes[0], from('192.0.2.2'))).toBe('ACCEPTED');
    // The success elsewhere does not free the address that failed.
    expect(await tryCode(rules, owner, codes[1])).toBe(60);
  });

  it('accounts, so that people behind one address do not lock each other out', async () => {
    await lockedOwner();
    const other = await makeOwner(rules);
    const { codes } = await issueCodes(rules, other);
    expect(await tryCode(rules, other, codes[0])).toBe('ACCEPTED');
  });

  it.each([
    ['2001:db8:0:7::1', '2001:db8:0:7:ffff:ffff:ffff:ffff', true],
    ['2001:db8:0:7::1', '2001:db8:0:8::1', false],
    ['::ffff:198.51.100.9', '198.51.100.9', true],
    ['198.51.100.9', '198.51.100.10', false],
  ])('networks: failures at %s lock %s (%s)', async (one, other, isLocked) => {
    const owner = await makeOwner(rules);
    const { codes } = await issueCodes(rules, owner);
    await inTurn(3, () => tryCode(rules, owner, 'wrong', from(one)));
    expect(await tryCode(rules, owner, codes[0], from(other))).toBe(isLocked ? 30 : 'ACCEPTED');
  });
});

describe('an address that nobody has', () => {
  it('is answered and limited exactly as one that somebody has, by password and by code', async () => {
    const owner = await makeOwner(rules);
    await issueCodes(rules, owner);
    const unknown = `nobody-${owner.email}`;
    const [unverified] = [await makeOwner(rules)];
    await rules.database.rows('update accounts set email_verified_at = null where id = $1', [unverified.id]);
    for (const attempt of [tryPassword, trySignInByCode]) {
      const expected = ['INVALID_CREDENTIALS', 'INVALID_CREDENTIALS', 'INVALID_CREDENTIALS', 30, 60, 120, 240, 300];
      expect(await inTurn(8, () => attempt(rules, owner.email))).toEqual(expected);
      expect(await inTurn(8, () => attempt(rules, unknown))).toEqual(expected);
      expect(await inTurn(8, () => attempt(rules, unverified.email))).toEqual(expected);
      // However it is written.
      expect(await attempt(rules, ` ${unknown.toUpperCase()} `)).toBe(300);
    }
  });

  it('costs one hash an attempt, as every other does', async () => {
    const owner = await makeOwner(rules);
    await issueCodes(rules, owner);
    const count = (kind: string) => rules.counts.get(`hash/${kind}`) ?? 0;
    for (const email of [owner.email, `nobody-${owner.email}`]) {
      const [codes, passwords] = [count('code'), count('password')];
      await trySignInByCode(rules, email);
      await tryPassword(rules, email);
      expect([count('code') - codes, count('password') - passwords]).toEqual([1, 1]);
    }
  });
});

describe('an open slot', () => {
  const limiterOf = ({ db, keyring }: Rules) =>
    new Limiter(db, keyring, {
      meter: noMeter,
      limits: {
        maxAttempts: 3,
        cooldownBaseSeconds: 30,
        cooldownMultiplier: 2,
        cooldownCutoffSeconds: 300,
        accountPasswordCeiling: 100,
        addressFailuresPerHour: 100_000,
      },
    });
  const attemptBy = (owner: Owner) => ({
    policy: 'VERIFY' as const,
    credential: 'code' as const,
    subject: owner.email,
    accountId: owner.id,
    network: owner.origin.network,
    source: {},
  });

  it('counts as a failure while it is open: a second is told, and no window begins', async () => {
    const owner = await makeOwner(rules);
    const limiter = limiterOf(rules);
    const open = await Promise.all(times(3, () => limiter.beginAttempt(attemptBy(owner))));
    for (const _press of times(3, (n) => n)) expect(await tryCode(rules, owner)).toBe(1);
    expect(await storedPair(owner)).toMatchObject({ count: 0, step: 0, is_told: false, blocked_until: null });
    await limiter.endAttempt(open[0] as never, 'RETURNED');
    expect(await tryCode(rules, owner)).toBe('REJECTED');
    expect(await tryCode(rules, owner)).toBe(1);
    await limiter.endAttempt(open[1] as never, 'FAILURE');
    await limiter.endAttempt(open[2] as never, 'FAILURE');
    expect(await tryCode(rules, owner)).toBe(30);
  });

  it('has failed when nobody ended it within 60 s, and its window runs from then', async () => {
    const owner = await makeOwner(rules);
    const { codes } = await issueCodes(rules, owner);
    for (const _slot of times(3, (n) => n)) await limiterOf(rules).beginAttempt(attemptBy(owner));
    expect(await tryCode(rules.at(58), owner)).toBe(1);
    const told = await tryCode(rules.at(62), owner);
    expect([28, 27]).toContain(told);
    expect(await storedPair(owner)).toMatchObject({ count: 3, step: 1, open_slots: {} });
    expect(await tryCode(rules.at(92), owner, codes[0])).toBe('ACCEPTED');
  });

  it('is not counted twice when it is ended late, and a late success clears all the same', async () => {
    const [failed, succeeded] = [await makeOwner(rules), await makeOwner(rules)];
    const late = limiterOf(rules.at(70));
    for (const [owner, outcome, count] of [
      [failed, 'FAILURE', 1],
      [succeeded, 'SUCCESS', 0],
    ] as const) {
      const attempt = await limiterOf(rules).beginAttempt(attemptBy(owner));
      await late.endAttempt(attempt, outcome);
      expect(await storedPair(owner)).toMatchObject({ count, open_slots: {} });
    }
  });

  it('that failed by its time is not added to failures that were forgotten before it', async () => {
    const owner = await makeOwner(rules);
    await inTurn(2, () => tryCode(rules, owner));
    await limiterOf(rules.at(DAY + 600)).beginAttempt(attemptBy(owner));
    const later = rules.at(DAY + 600 + 61);
    expect(await inTurn(3, () => tryCode(later, owner))).toEqual(['REJECTED', 'REJECTED', 30]);
  });

  it('is given back by a fault of ours, which neither counts nor forgives', async () => {
    const owner = await makeOwner(rules);
    const { id } = await issueCodes(rules, owner);
    await tryCode(rules, owner);
    await rules.database.rows(`update recovery_code_batches set pepper_key_id = 'lost' where id = $1`, [id]);
    for (const _fault of times(5, (n) => n)) expect(await tryCode(rules, owner)).toMatch(/lost/);
    expect(await storedPair(owner)).toMatchObject({ count: 1, open_slots: {} });
    // A fault after the hash: the statement itself fails.
    await rules.database.rows('update recovery_code_batches set pepper_key_id = $2 where id = $1', [
      id,
      rules.keyring.currentId,
    ]);
    await rules.database.rows('alter table recovery_codes rename column used_at to used_at_gone');
    const faults = await inTurn(5, () => tryCode(rules, owner));
    await rules.database.rows('alter table recovery_codes rename column used_at_gone to used_at');
    expect(faults).toEqual(times(5, () => '42703'));
    expect(await storedPair(owner)).toMatchObject({ count: 1, open_slots: {} });
  });
});

describe('the owner of a locked account', () => {
  it('is told once in 24 hours, for codes and passwords each, also where nobody is signed in', async () => {
    const { owner } = await lockedOwner();
    await inTurn(3, () => tryCode(rules, owner));
    await inTurn(3, () => trySignInByCode(rules, owner.email, 'wrong', from('192.0.2.9')));
    await tryCode(rules.at(600), owner);
    expect(await outboxOf(rules.database, owner.id)).toMatchObject({ 'locked-out': 1 });
    await inTurn(3, () => tryPassword(rules, owner.email));
    expect(await outboxOf(rules.database, owner.id)).toMatchObject({ 'locked-out': 2 });
    const nextDay = rules.at(DAY + 600);
    await inTurn(3, () => tryCode(nextDay, owner));
    expect(await outboxOf(rules.database, owner.id)).toMatchObject({ 'locked-out': 3 });
    const notices = await rules.database.rows(
      `select payload - 'at' as told from outbox where topic = 'locked-out' and payload->>'accountId' = $1 order by id`,
      [owner.id],
    );
    const told = {
      accountId: owner.id,
      ipAddress: '192.0.2.1',
      userAgent: 'Firefox on Linux',
      waitSeconds: 30,
    };
    expect(notices).toEqual(['code', 'password', 'code'].map((credential) => ({ told: { ...told, credential } })));
  });

  it('gets in again when an admin unlocks it, from every address and with both credentials', async () => {
    const admin = await makeOwner(rules, { role: 'ADMIN' });
    const { owner, codes } = await lockedOwner();
    const bystander = await lockedOwner();
    const elsewhere = from('192.0.2.3');
    await inTurn(3, () => tryCode(rules, owner, 'wrong', elsewhere));
    await inTurn(3, () => tryPassword(rules, owner.email));
    expect(await tryCode(rules, owner, codes[0])).toBe(30);

    await rules.services.accounts.unlock(admin.viewer, admin.origin, owner.id);
    expect(await tryCode(rules, owner, codes[0])).toBe('ACCEPTED');
    expect(await tryCode(rules, owner, codes[1], elsewhere)).toBe('ACCEPTED');
    expect(await tryPassword(rules, owner.email, PASSWORD)).toBe('SIGNED_IN');
    expect(await tryCode(rules, bystander.owner, bystander.codes[0])).toBe(30);
    expect(await auditOf(rules.database, owner.id)).toMatchObject({ ACCOUNT_UNLOCKED: 1 });
    expect(await outboxOf(rules.database, owner.id)).toMatchObject({ 'account-unlocked': 1 });
    // Forgotten was the number of failures as well, not only the window.
    await rules.services.accounts.unlock(admin.viewer, admin.origin, bystander.owner.id);
    expect(await inTurn(4, () => tryCode(rules, bystander.owner))).toEqual(['REJECTED', 'REJECTED', 'REJECTED', 30]);
  });

  it('can be unlocked while it is attacked from many addresses, without a deadlock', async () => {
    const admin = await makeOwner(rules, { role: 'ADMIN' });
    const owner = await makeOwner(rules);
    await issueCodes(rules, owner);
    for (const round of times(20, (n) => n)) {
      const attempts = times(8, (n) => tryCode(rules, owner, 'wrong', from(`203.0.113.${(n + round) % 16}`)));
      const unlocks = times(2, () => rules.services.accounts.unlock(admin.viewer, admin.origin, owner.id));
      for (const outcome of await Promise.all(attempts)) {
        expect(typeof outcome === 'number' ? 'told' : outcome).toMatch(/^(?:told|REJECTED)$/);
      }
      await Promise.all(unlocks);
    }
  });
});
