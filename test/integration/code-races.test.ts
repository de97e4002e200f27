import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { DomainError, NotFoundError } from '../../src/domain/errors.js';
import { auditOf, type BatchRecord, batchesOf, expectConsistent } from '../support/batch-rows.js';
import { issueCodes, makeOwner, openRules, type Owner, type Rules } from '../support/rules.js';

let rules: Rules;
beforeAll(async () => {
  rules = await openRules({ MAX_ATTEMPTS: '1000' });
});
afterAll(() => rules.close());

/** The outcome of a call, or the code of its refusal; a deadlock or any other fault of ours is thrown. */
async function settled<T>(call: Promise<T>): Promise<T | string> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof DomainError) return error.code;
    throw error;
  }
}

/** What happens to one batch at the same time, by the name of who does it. */
function actors(owner: Owner, batch: { readonly id: string; readonly codes: readonly string[] }) {
  const { recoveryCodes, signIn } = rules.services;
  const { viewer, origin, email } = owner;
  const code = (index: number) => batch.codes[index] as string;
  const revoke = (to: 'INVALIDATED' | 'PENDING_DELETION', index: number) =>
    settled(recoveryCodes.revoke(viewer, origin, { code: code(index), to }));
  return {
    spend: (index: number) => settled(recoveryCodes.verify(viewer, origin, code(index))),
    signIn: (index: number) => settled(signIn.withRecoveryCode(origin, { email, code: code(index) })),
    invalidate: (index: number) => revoke('INVALIDATED', index),
    deleteCode: (index: number) => revoke('PENDING_DELETION', index),
    supersede: () => settled(recoveryCodes.generate(viewer, origin, {})),
    deleteBatch: () => settled(recoveryCodes.deleteBatch(viewer, origin, batch.id)),
    markViewed: () => settled(recoveryCodes.markViewed(viewer, origin, batch.id)),
    test: () => settled(recoveryCodes.test(viewer, origin, code(9))),
    async revokeById(index: number) {
      const [row] = await rules.database.rows<{ id: string }>(
        'select id from recovery_codes where batch_id = $1 and position = $2',
        [batch.id, index + 1],
      );
      return await settled(recoveryCodes.revoke(viewer, origin, { codeId: row?.id, to: 'INVALIDATED' }));
    },
    expire: async (milliseconds: number) => {
      await rules.database.rows(
        `with expiry as (select clock_timestamp() + make_interval(secs => $2::float8 / 1000) as at), codes as (
           update recovery_codes set expires_at = (select at from expiry) where batch_id = $1)
         update recovery_code_batches set expires_at = (select at from expiry) where id = $1`,
        [batch.id, milliseconds],
      );
    },
  };
}

type Actors = ReturnType<typeof actors>;

/** Runs so many rounds against a batch each, and checks after every one that nothing is lost, doubled or left over. */
async function race(
  rounds: number,
  play: (actors: Actors, round: number) => Promise<unknown>[],
): Promise<readonly BatchRecord[]> {
  const owner = await makeOwner(rules);
  for (let round = 0; round < rounds; round += 1) {
    const batch = await issueCodes(rules, owner, 30);
    // Issuing once more is to be admitted.
    await rules.database.rows('delete from rate_limits');
    await Promise.all(play(actors(owner, batch), round));
    const batches = await batchesOf(rules.database, owner.id);
    expectConsistent(batches.slice(-2).map((each, index) => ({ ...each, number: index + 1 })));
  }
  const batches = await batchesOf(rules.database, owner.id);
  expectConsistent(batches);
  const audit = await auditOf(rules.database, owner.id);
  expect(audit['CODE_USED'] ?? 0).toBe(sum(batches, 'used'));
  expect(audit['CODE_INVALIDATED'] ?? 0).toBe(sum(batches, 'invalidated'));
  expect(audit['CODES_GENERATED']).toBe(batches.length);
  const count = (status: string) => batches.filter((batch) => batch.status === status).length;
  expect(audit['BATCH_MARKED_FOR_DELETION'] ?? 0).toBe(count('PENDING_DELETION'));
  // A batch that was exhausted or superseded can have been deleted after it.
  expect(audit['BATCH_EXHAUSTED'] ?? 0).toBeGreaterThanOrEqual(count('EXHAUSTED'));
  expect(audit['BATCH_SUPERSEDED'] ?? 0).toBeGreaterThanOrEqual(count('SUPERSEDED'));
  return batches;
}

function sum(batches: readonly BatchRecord[], key: 'used' | 'lapsed' | 'removed' | 'invalidated'): number {
  return batches.reduce((total, batch) => total + batch[key], 0);
}

function statuses(batches: readonly BatchRecord[]): ReadonlySet<string> {
  return new Set(batches.map(({ status }) => status));
}

/** Starts something a little later in each round than in the one before, so that it meets spending at every stage. */
const later = async <T>(round: number, act: () => Promise<T>): Promise<T> => {
  await delay(round % 25);
  return await act();
};

const spendings = (each: Actors) => [each.spend(0), each.signIn(1), each.spend(2), each.signIn(2), each.spend(3)];

describe('spending, without a deadlock and with counts that add up', () => {
  it('against superseding, 50 rounds', async () => {
    const batches = await race(50, (each, round) => [
      each.supersede(),
      // Issuing hashes ten codes first, so here it is spending that comes later and later.
      later(round, () => Promise.all([...spendings(each), each.spend(4), each.spend(5)])),
    ]);
    expect(batches).toHaveLength(100);
    expect(statuses(batches)).toEqual(new Set(['SUPERSEDED', 'ACTIVE']));
    // Each side won some of the time, or nothing was raced.
    expect(sum(batches, 'used')).toBeGreaterThan(0);
    expect(sum(batches, 'used')).toBeLessThan(50 * 6);
  });

  it('against deleting the batch, 50 rounds', async () => {
    const batches = await race(50, (each, round) => [
      each.spend(6),
      ...spendings(each),
      later(round, each.deleteBatch),
      each.spend(5),
      later(round, each.deleteBatch),
    ]);
    expect(statuses(batches)).toEqual(new Set(['PENDING_DELETION']));
    expect(sum(batches, 'used')).toBeGreaterThan(0);
    expect(sum(batches, 'used')).toBeLessThan(50 * 6);
  });

  it('against revoking codes, 50 rounds', async () => {
    const batches = await race(50, (each) => [
      ...spendings(each),
      each.invalidate(0),
      each.deleteCode(1),
      each.revokeById(2),
      each.invalidate(3),
      each.revokeById(3),
      each.deleteCode(3),
    ]);
    // Codes 1 to 4 each met one end; which one, was open.
    expect(sum(batches, 'used') + sum(batches, 'invalidated') + sum(batches, 'removed')).toBe(50 * 4);
    for (const key of ['used', 'invalidated'] as const) expect(sum(batches, key)).toBeGreaterThan(0);
  });

  it('against expiry, superseded or deleted right after it, 50 rounds', async () => {
    const batches = await race(50, (each, round) => [
      each.expire(5 + (round % 20) * 20),
      ...spendings(each),
      round % 2 === 0 ? each.supersede() : each.deleteBatch(),
      each.invalidate(4),
      each.spend(5),
    ]);
    expect(sum(batches, 'used')).toBeGreaterThan(0);
    expect(sum(batches, 'lapsed')).toBeGreaterThan(0);
  });

  it('against all of them at once, 50 rounds', async () => {
    const batches = await race(50, (each, round) => [
      later(round, each.supersede),
      ...spendings(each),
      later(round, each.deleteBatch),
      each.invalidate(0),
      each.deleteCode(7),
      each.revokeById(2),
      each.markViewed(),
      each.test(),
    ]);
    expect(batches).toHaveLength(100);
    expect(sum(batches, 'used')).toBeGreaterThan(0);
  });
});

describe('the last usable code', () => {
  it('leaves an exhausted batch, whether it is spent, invalidated or deleted, and no second one', async () => {
    const owner = await makeOwner(rules);
    for (const last of ['spend', 'signIn', 'invalidate', 'deleteCode'] as const) {
      await rules.database.rows('delete from rate_limits');
      const each = actors(owner, await issueCodes(rules, owner));
      for (let index = 0; index < 9; index += 1) await each.deleteCode(index);
      await Promise.all([each[last](9), each[last](9), each[last](9)]);
    }
    const batches = await batchesOf(rules.database, owner.id);
    expectConsistent(batches);
    expect(batches.map(({ status }) => status)).toEqual(['EXHAUSTED', 'EXHAUSTED', 'EXHAUSTED', 'EXHAUSTED']);
    expect(await auditOf(rules.database, owner.id)).toMatchObject({
      BATCH_EXHAUSTED: 4,
      CODE_USED: 2,
      CODE_INVALIDATED: 1,
      CODE_DELETED: 37,
    });
  });
});

describe("another account's batch", () => {
  it('is neither revoked from nor deleted, whatever is known of it', async () => {
    const [owner, stranger] = [await makeOwner(rules), await makeOwner(rules)];
    const { recoveryCodes } = rules.services;
    const batch = await issueCodes(rules, owner);
    const [code] = await rules.database.rows<{ id: string }>('select id from recovery_codes where batch_id = $1', [
      batch.id,
    ]);
    const byId = { codeId: code?.id as string, to: 'INVALIDATED' as const };
    const byCode = { code: batch.codes[0] as string, to: 'PENDING_DELETION' as const };
    const notFound = { outcome: 'NOT_FOUND', batch: undefined };
    expect(await recoveryCodes.revoke(stranger.viewer, stranger.origin, byId)).toEqual(notFound);
    expect(await recoveryCodes.revoke(stranger.viewer, stranger.origin, byCode)).toEqual(notFound);
    await expect(recoveryCodes.deleteBatch(stranger.viewer, stranger.origin, batch.id)).rejects.toThrow(NotFoundError);
    await expect(recoveryCodes.markViewed(stranger.viewer, stranger.origin, batch.id)).rejects.toThrow(NotFoundError);
    expect(await recoveryCodes.find(stranger.viewer, batch.id)).toBeUndefined();
    expect(await batchesOf(rules.database, owner.id)).toEqual([
      expect.objectContaining({ status: 'ACTIVE', remaining: 10, codes: { ACTIVE: 10 } }),
    ]);
    expect(await auditOf(rules.database, owner.id)).toEqual({ CODES_GENERATED: 1 });
  });
});
