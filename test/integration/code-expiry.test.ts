import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { deleteBatch } from '../../src/domain/codes/delete-batch.js';
import { issueBatch } from '../../src/domain/codes/issue-codes.js';
import { findActiveBatch } from '../../src/domain/codes/read-batches.js';
import { revokeCode } from '../../src/domain/codes/revoke-code.js';
import { verifySetup } from '../../src/domain/codes/setup-test.js';
import { spendCode } from '../../src/domain/codes/spend-code.js';
import type { Database } from '../../src/domain/database.js';
import { batchesOf, expectConsistent } from '../support/batch-rows.js';
import { issueCodes, makeOwner, openRules, outcomeOf, type Owner, type Rules } from '../support/rules.js';

let rules: Rules;
beforeAll(async () => {
  rules = await openRules();
});
afterAll(() => rules.close());

const DAY = 86_400;
const HOUR = 3600;

describe('the expiry of a batch', () => {
  it('is exactly N × 24 hours after its creation, also across a change of summer time, and the same on each code', async () => {
    const database = new URL(rules.database.url).pathname.slice(1);
    await rules.database.rows(`alter database ${database} set timezone = 'America/New_York'`);
    const abroad = rules.with({});
    const owner = await makeOwner(rules);
    for (const days of [1, 2, 180, 365]) {
      const { id } = await issueCodes(abroad, owner, days);
      const [row] = await rules.database.rows(
        `select extract(epoch from b.expires_at - b.created_at)::float8 as life,
           (select count(*)::int from recovery_codes c where c.batch_id = b.id and c.expires_at = b.expires_at) as codes
         from recovery_code_batches b where id = $1`,
        [id],
      );
      expect(row).toEqual({ life: days * DAY, codes: 10 });
    }
    await rules.database.rows(`alter database ${database} reset timezone`);
  });

  it('is enforced on every path, and computed until something stores it', async () => {
    const owner = await makeOwner(rules);
    const { id, codes } = await issueCodes(rules, owner, 3);
    const before = rules.at(3 * DAY - HOUR);
    const after = rules.at(3 * DAY + HOUR);
    const code = (position: number) => codes[position - 1] as string;
    const [codeRow] = await rules.database.rows<{ id: string }>(
      'select id from recovery_codes where batch_id = $1 and position = 6',
      [id],
    );

    const { viewer, origin, email } = owner;
    const used = await before.services.recoveryCodes.verify(viewer, origin, code(1));
    expect(used).toMatchObject({ outcome: 'ACCEPTED', batch: { status: 'ACTIVE', remainingCount: 9 } });

    const { recoveryCodes, signIn, accounts } = after.services;
    expect(await recoveryCodes.verify(viewer, origin, code(2))).toEqual({ outcome: 'REJECTED', batch: undefined });
    expect(await outcomeOf(signIn.withRecoveryCode(origin, { email, code: code(3) }))).toBe('INVALID_CREDENTIALS');
    expect(await recoveryCodes.test(viewer, origin, code(4))).toEqual({
      outcome: 'NO_ACTIVE_BATCH',
      setupVerifiedAt: null,
    });
    const invalidated = await recoveryCodes.revoke(viewer, origin, { code: code(5), to: 'INVALIDATED' });
    expect(invalidated).toMatchObject({ outcome: 'EXPIRED', batch: { id, status: 'EXPIRED', remainingCount: 0 } });
    const byId = await recoveryCodes.revoke(viewer, origin, { codeId: codeRow?.id, to: 'PENDING_DELETION' });
    expect(byId).toMatchObject({ outcome: 'EXPIRED', batch: { invalidatedCount: 0, removedCount: 0 } });
    expect(await recoveryCodes.revoke(viewer, origin, { code: code(1), to: 'INVALIDATED' })).toMatchObject({
      outcome: 'ALREADY_USED',
    });
    expect(await accounts.belongings.activeBatches([owner.id])).toEqual([undefined]);
    expect(await before.services.accounts.belongings.activeBatches([owner.id])).toMatchObject([{ id }]);
    expect(await recoveryCodes.find(viewer, id)).toMatchObject({ status: 'EXPIRED', remainingCount: 0, usedCount: 1 });
    const [read] = await recoveryCodes.codesOf([id]);
    expect(read?.map(({ status }) => status)).toEqual(['USED', ...Array.from({ length: 9 }, () => 'EXPIRED')]);

    // Nothing of all this was stored.
    expect(await batchesOf(rules.database, owner.id)).toMatchObject([
      { status: 'ACTIVE', used: 1, lapsed: 0, codes: { USED: 1, ACTIVE: 9 } },
    ]);
    const deleted = await recoveryCodes.deleteBatch(viewer, origin, id);
    expect(deleted).toMatchObject({ status: 'PENDING_DELETION', usedCount: 1, removedCount: 0, remainingCount: 0 });
    const stored = await batchesOf(rules.database, owner.id);
    expect(stored).toMatchObject([{ used: 1, lapsed: 9, codes: { USED: 1, EXPIRED: 9 } }]);
    expectConsistent(stored);
  });
});

describe('the boundary of expiry', () => {
  const source = {};
  /** Each way in which a code or batch can be used, tried in a transaction whose time is given relative to the expiry. */
  const ways: Record<string, (tx: Database, at: Place) => Promise<boolean>> = {
    'spending a code': async (tx, { batchId, hash }) =>
      (await spendCode(tx, { batchId, hash, isSignIn: false, source })) !== undefined,
    'testing the set-up': async (tx, { owner, batchId, hash }) =>
      (await verifySetup(tx, { accountId: owner.id, batchId, hash, source })) !== undefined,
    'invalidating a code': async (tx, { owner, batchId, hash }) => {
      const place = { batchId, hash };
      return (await revokeCode(tx, { to: 'INVALIDATED', place, ownerId: owner.id, source })).outcome === 'DONE';
    },
    'deleting a code': async (tx, { owner, batchId, hash }) => {
      const place = { batchId, hash };
      return (await revokeCode(tx, { to: 'PENDING_DELETION', place, ownerId: owner.id, source })).outcome === 'DONE';
    },
    'deleting the batch as one with usable codes': async (tx, { owner, batchId }) =>
      (await deleteBatch(tx, { batchId, ownerId: owner.id, deletedBy: owner.id, source })).removedCount === 10,
    'superseding it': async (tx, { owner, batchId }) => {
      const { sessionId } = owner.viewer;
      const hashing = { memoryKib: 1024, passes: 1, salt: Buffer.alloc(16), pepperKeyId: 'none' };
      const batch = { accountId: owner.id, hashing, hashes: [Buffer.alloc(32)], expiresInDays: null };
      await issueBatch(tx, { ...batch, source: { sessionId } });
      const { rows } = await sql<{ status: string }>`
        select status from recovery_code_batches where id = ${batchId}
      `.execute(tx);
      return rows[0]?.status === 'SUPERSEDED';
    },
    'reading it as active': async (tx, { owner }) => (await findActiveBatch(tx, owner.id)) !== undefined,
  };

  interface Place {
    readonly owner: Owner;
    readonly batchId: string;
    readonly hash: Buffer;
  }

  it.each(Object.entries(ways))(
    'is strict for %s: usable before it, not at it and not after it',
    async (_way, isUsable) => {
      const owner = await makeOwner(rules);
      const { id: batchId } = await issueCodes(rules, owner, 1);
      const [code] = await rules.database.rows<{ hash: Buffer }>(
        'select hash from recovery_codes where batch_id = $1',
        [batchId],
      );
      const place = { owner, batchId, hash: code?.hash as Buffer };
      const usable: boolean[] = [];
      for (const microsecondsLeft of [1, 0, -1]) {
        await rules.db
          .transaction()
          .execute(async (tx) => {
            const expiry = sql`sparekey_now() + ${`${microsecondsLeft} microseconds`}::interval`;
            await sql`update recovery_code_batches set expires_at = ${expiry} where id = ${batchId}`.execute(tx);
            await sql`update recovery_codes set expires_at = ${expiry} where batch_id = ${batchId}`.execute(tx);
            usable.push(await isUsable(tx, place));
            throw new RolledBackError();
          })
          .catch((error: unknown) => {
            if (!(error instanceof RolledBackError)) throw error;
          });
      }
      expect(usable).toEqual([true, false, false]);
    },
  );
});

class RolledBackError extends Error {}
