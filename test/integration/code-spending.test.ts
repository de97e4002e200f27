import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { auditOf, batchesOf, expectConsistent, outboxOf } from '../support/batch-rows.js';
import { from, issueCodes, makeOwner, openRules, outcomeOf, refusalOf, type Rules } from '../support/rules.js';

let patient: Rules;
let ten: Rules;
let five: Rules;

beforeAll(async () => {
  patient = await openRules({ MAX_ATTEMPTS: '1000', ACCOUNT_PASSWORD_CEILING: '100000' });
  ten = patient.with({ MAX_ATTEMPTS: '10' });
  five = patient.with({ MAX_ATTEMPTS: '5' });
});
afterAll(() => patient.close());

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));
const tally = (values: readonly unknown[]): Record<string, number> =>
  values.reduce<Record<string, number>>((counts, value) => {
    counts[String(value)] = (counts[String(value)] ?? 0) + 1;
    return counts;
  }, {});

describe('one code, spent at the same time', () => {
  it('has exactly one winner of 200, sixteen times over, and the counts come out exact', async () => {
    const owner = await makeOwner(patient);
    for (const round of times(2, (n) => n)) {
      const batch = await issueCodes(patient, owner);
      for (const [index, code] of batch.codes.slice(0, 8).entries()) {
        const attempts = times(200, () => patient.services.recoveryCodes.verify(owner.viewer, owner.origin, code));
        const verifications = await Promise.all(attempts);
        expect(tally(verifications.map(({ outcome }) => outcome))).toEqual({ ACCEPTED: 1, REJECTED: 199 });
        const [winner] = verifications.filter(({ outcome }) => outcome === 'ACCEPTED');
        expect(winner?.batch).toMatchObject({ id: batch.id, usedCount: index + 1, remainingCount: 9 - index });
      }
      expect((await batchesOf(patient.database, owner.id)).at(-1)).toMatchObject({
        number: round + 1,
        status: 'ACTIVE',
        used: 8,
        remaining: 2,
        codes: { USED: 8, ACTIVE: 2 },
      });
    }
    expect(await auditOf(patient.database, owner.id)).toEqual({
      CODES_GENERATED: 2,
      BATCH_SUPERSEDED: 1,
      CODE_USED: 16,
      CODE_REJECTED: 16 * 199,
    });
    expect(await outboxOf(patient.database, owner.id)).toEqual({
      'codes-issued': 2,
      'batch-changed': 1,
      'code-used': 16,
    });
    expect(patient.counts.get('spend/accepted')).toBe(16);
    expect(patient.counts.get('spend/rejected')).toBe(16 * 199);
  }, 90_000);

  it('opens exactly one session of 100 sign-ins', async () => {
    const owner = await makeOwner(patient);
    const batch = await issueCodes(patient, owner);
    const input = { email: owner.email, code: batch.codes[4] as string };
    const outcomes = await Promise.all(
      times(100, () => outcomeOf(patient.services.signIn.withRecoveryCode(owner.origin, input))),
    );
    const signedIn = outcomes.filter((outcome) => typeof outcome === 'object');
    expect(signedIn).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'INVALID_CREDENTIALS')).toHaveLength(99);
    const sessions = await patient.database.rows(
      `select id from sessions where account_id = $1 and method = 'RECOVERY_CODE'`,
      [owner.id],
    );
    expect(sessions).toEqual([{ id: (signedIn[0] as { session: { id: string } }).session.id }]);
    expect(signedIn[0]).toMatchObject({ remainingCount: 9 });
    expect(await auditOf(patient.database, owner.id)).toEqual({
      CODES_GENERATED: 1,
      CODE_USED: 1,
      SIGNED_IN: 1,
      SIGN_IN_REJECTED: 99,
    });
    const rejections = await patient.database.rows(
      `select count from audit_events where account_id = $1 and action = 'SIGN_IN_REJECTED'`,
      [owner.id],
    );
    // One folded event, unless the hour turned meanwhile.
    expect(rejections.length).toBeLessThanOrEqual(2);
    const [used] = await patient.database.rows(
      `select session_id, method, actor_id from audit_events where account_id = $1 and action = 'CODE_USED'`,
      [owner.id],
    );
    expect(used).toEqual({ session_id: sessions[0]?.['id'], method: 'RECOVERY_CODE', actor_id: owner.id });
  });

  it('is spent once when a verification, a sign-in, an invalidation and a deletion want it together', async () => {
    const owner = await makeOwner(patient);
    const { recoveryCodes, signIn } = patient.services;
    const batch = await issueCodes(patient, owner);
    for (const code of batch.codes) {
      const outcomes = await Promise.all([
        ...times(5, async () => (await recoveryCodes.verify(owner.viewer, owner.origin, code)).outcome),
        ...times(5, async () => {
          const outcome = await outcomeOf(signIn.withRecoveryCode(owner.origin, { email: owner.email, code }));
          return typeof outcome === 'object' ? 'SIGNED_IN' : outcome;
        }),
        ...times(5, async () => (await revoke('INVALIDATED', code)).outcome),
        ...times(5, async () => (await revoke('PENDING_DELETION', code)).outcome),
      ]);
      const done = outcomes.filter((outcome) => ['ACCEPTED', 'SIGNED_IN', 'DONE'].includes(String(outcome)));
      expect(done).toHaveLength(1);
    }
    const [stored] = await batchesOf(patient.database, owner.id);
    expectConsistent([stored as never]);
    expect(stored).toMatchObject({ status: 'EXHAUSTED', remaining: 0 });
    const audit = await auditOf(patient.database, owner.id);
    expect(audit).toMatchObject({ BATCH_EXHAUSTED: 1 });
    expect([audit['CODE_USED'] ?? 0, audit['CODE_INVALIDATED'] ?? 0, audit['CODE_DELETED'] ?? 0]).toEqual([
      stored?.used,
      stored?.invalidated,
      stored?.removed,
    ]);

    function revoke(to: 'INVALIDATED' | 'PENDING_DELETION', code: string) {
      return recoveryCodes.revoke(owner.viewer, owner.origin, { code, to });
    }
  });
});

describe('ten different codes, spent at the same time with MAX_ATTEMPTS 10', () => {
  it('are all accepted, and remaining is 9 … 0 each once', async () => {
    for (const _round of times(5, (n) => n)) {
      const owner = await makeOwner(ten);
      const batch = await issueCodes(ten, owner);
      const verifications = await Promise.all(
        batch.codes.map((code) => ten.services.recoveryCodes.verify(owner.viewer, owner.origin, code)),
      );
      expect(verifications.map(({ outcome }) => outcome)).toEqual(times(10, () => 'ACCEPTED'));
      const remaining = verifications.map((verification) => verification.batch?.remainingCount as number);
      expect(remaining.toSorted((a, b) => b - a)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
      expect(await batchesOf(ten.database, owner.id)).toEqual([
        expect.objectContaining({ status: 'EXHAUSTED', used: 10, remaining: 0, codes: { USED: 10 } }),
      ]);
      expect(await auditOf(ten.database, owner.id)).toEqual({ CODES_GENERATED: 1, CODE_USED: 10, BATCH_EXHAUSTED: 1 });
      const told = await ten.database.rows<{ remaining: number }>(
        `select (payload->>'remaining')::int as remaining from outbox
         where topic = 'code-used' and payload->>'accountId' = $1 order by 1 desc`,
        [owner.id],
      );
      expect(told.map((row) => row.remaining)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    }
  });

  it('open ten sessions by sign-in, each of which is told another rest', async () => {
    const owner = await makeOwner(ten);
    const batch = await issueCodes(ten, owner);
    const signedIn = await Promise.all(
      batch.codes.map((code) => ten.services.signIn.withRecoveryCode(owner.origin, { email: owner.email, code })),
    );
    const remaining = signedIn.map(({ remainingCount }) => remainingCount as number);
    expect(remaining.toSorted((a, b) => b - a)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    expect(new Set(signedIn.map(({ session }) => session.id)).size).toBe(10);
    expect(await auditOf(ten.database, owner.id)).toEqual({
      CODES_GENERATED: 1,
      CODE_USED: 10,
      SIGNED_IN: 10,
      BATCH_EXHAUSTED: 1,
    });
  });
});

describe('200 wrong codes at the same time with MAX_ATTEMPTS 5', () => {
  it('cost exactly five hashes; the others are refused and told to wait', async () => {
    const owner = await makeOwner(five);
    await issueCodes(five, owner);
    const before = five.counts.get('hash/code') ?? 0;
    const outcomes = await Promise.all(
      times(200, (n) => outcomeOf(five.services.recoveryCodes.verify(owner.viewer, owner.origin, `wrong-${n}`))),
    );
    expect((five.counts.get('hash/code') ?? 0) - before).toBe(5);
    expect(outcomes.filter((outcome) => typeof outcome === 'object')).toHaveLength(5);
    const waits = outcomes.filter((outcome) => typeof outcome === 'number');
    expect(waits).toHaveLength(195);
    for (const wait of waits) expect(wait).toBeGreaterThanOrEqual(1);
    expect(await auditOf(five.database, owner.id)).toEqual({
      CODES_GENERATED: 1,
      CODE_REJECTED: 5,
      RATE_LIMITED: 195,
    });
    expect(await outboxOf(five.database, owner.id)).toEqual({ 'codes-issued': 1, 'locked-out': 1 });
    expect(await batchesOf(five.database, owner.id)).toEqual([
      expect.objectContaining({ status: 'ACTIVE', remaining: 10, codes: { ACTIVE: 10 } }),
    ]);
  });

  it('do not spend a right code among them once the account is locked', async () => {
    const owner = await makeOwner(five);
    const batch = await issueCodes(five, owner);
    const verify = (code: string) => five.services.recoveryCodes.verify(owner.viewer, owner.origin, code);
    await Promise.all(times(5, (n) => verify(`wrong-${n}`)));
    const refusals = await Promise.all(batch.codes.map((code) => refusalOf(verify(code))));
    for (const { retryAt, retryAfterSeconds } of refusals) {
      expect(retryAfterSeconds).toBeGreaterThan(1);
      expect(retryAt.getTime()).toBeGreaterThan(Date.now());
    }
    expect((await batchesOf(five.database, owner.id))[0]).toMatchObject({ used: 0, remaining: 10 });
  });

  it('are counted alike for an address that nobody has, with the same number of hashes', async () => {
    const before = five.counts.get('hash/code') ?? 0;
    const guess = { email: 'nobody@example.org', code: 'AAAAAA-AAAAAA' };
    const outcomes = await Promise.all(
      times(50, () => outcomeOf(five.services.signIn.withRecoveryCode(from('192.0.2.77'), guess))),
    );
    expect((five.counts.get('hash/code') ?? 0) - before).toBe(5);
    expect(outcomes.filter((outcome) => outcome === 'INVALID_CREDENTIALS')).toHaveLength(5);
    expect(outcomes.filter((outcome) => typeof outcome === 'number')).toHaveLength(45);
  });
});

describe('200 batches asked for at the same time', () => {
  it('are one batch', async () => {
    const owner = await makeOwner(five);
    const outcomes = await Promise.all(
      times(200, () => outcomeOf(five.services.recoveryCodes.generate(owner.viewer, owner.origin, {}))),
    );
    expect(outcomes.filter((outcome) => typeof outcome === 'object')).toHaveLength(1);
    expect(outcomes.filter((outcome) => typeof outcome === 'number')).toHaveLength(199);
    expect(await batchesOf(five.database, owner.id)).toEqual([
      expect.objectContaining({ number: 1, status: 'ACTIVE', remaining: 10, codes: { ACTIVE: 10 } }),
    ]);
    expect(await auditOf(five.database, owner.id)).toEqual({ CODES_GENERATED: 1, RATE_LIMITED: 199 });
    expect(
      await five.database.rows('select session_id from code_copies where session_id = $1', [owner.viewer.sessionId]),
    ).toHaveLength(1);
  });
});
