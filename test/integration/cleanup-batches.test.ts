import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { pageOfLines } from '../../src/domain/cleanup/read-reports.js';
import { batchesOf } from '../support/batch-rows.js';
import { cleanUp, type RunWish } from '../support/cleanup.js';
import { emptyTables, makeBatch, makeOldBatches } from '../support/cleanup-rows.js';
import { eventually } from '../support/eventually.js';
import { issueCodes, makeOwner, openRules, type Owner, outcomeOf, type Rules } from '../support/rules.js';

const DAY = 86_400;
const OLD = '2020-01-01T00:00:00Z';

let rules: Rules;
let me: Owner;
let admin: Owner;
beforeAll(async () => {
  rules = await openRules();
});
afterAll(() => rules.close());
beforeEach(async () => {
  await emptyTables(rules.database);
  [me, admin] = [await makeOwner(rules), await makeOwner(rules, { role: 'ADMIN' })];
});

const purge = (wish: Partial<RunWish> = {}, on = rules) =>
  cleanUp(on, { task: 'RECOVERY_CODES', retentionDays: 1, ...wish });

const lines = (reportId: string) => pageOfLines(rules.db, reportId, { after: undefined, limit: 100 });

const events = (action: string) =>
  rules.database.rows(
    `select account_id, batch_id, removed_count, issued_count, reason, actor_id from audit_events
     where action = $1 order by created_at, id`,
    [action],
  );

/** A batch that met every end: 1 used, 2 invalidated, 3 deleted by their owner, 4 superseded by the next batch. */
async function mixedBatch() {
  const { recoveryCodes } = rules.services;
  const { id, codes } = await issueCodes(rules, me);
  await recoveryCodes.verify(me.viewer, me.origin, codes[0] as string);
  for (const [index, code] of codes.slice(1, 6).entries()) {
    await recoveryCodes.revoke(me.viewer, me.origin, { code, to: index < 2 ? 'INVALIDATED' : 'PENDING_DELETION' });
  }
  await issueCodes(rules, me);
  return id;
}

describe('a batch whose codes go in several runs', () => {
  it('becomes PURGED in the last one, with the counts that it had', async () => {
    const batchId = await mixedBatch();
    const later = rules.at(3 * DAY);
    const final = { issued: 10, used: 1, invalidated: 2, removed: 3, lapsed: 4, remaining: 0 };
    const told = { batchId, accountId: me.id, issuedCount: 10, usedCount: 1 };
    for (const [run, maxDeletions] of [3, 3, 4].entries()) {
      const report = await purge({ maxDeletions, settings: { PURGE_BATCH_SIZE: '2' } }, later);
      const isLast = run === 2;
      const left = 10 - 3 * run - maxDeletions;
      expect(report).toMatchObject({ total: maxDeletions, counts: { codes: maxDeletions, batches: Number(isLast) } });
      const [first, second] = await batchesOf(rules.database, me.id);
      expect(first).toMatchObject({ ...final, status: isLast ? 'PURGED' : 'SUPERSEDED' });
      expect(Object.values(first?.codes ?? {}).reduce((sum, count) => sum + count, 0)).toBe(left);
      expect(second).toMatchObject({ status: 'ACTIVE', remaining: 10, codes: { ACTIVE: 10 } });
      // One line a batch and run, however many chunks it took.
      const expected = { ...told, purgedCount: maxDeletions, remainingRows: left, isBatchPurged: isLast };
      expect(await lines(report.id)).toMatchObject([expected]);
    }
    expect(await events('BATCH_PURGED')).toMatchObject([{ account_id: me.id, batch_id: batchId, issued_count: 10 }]);
    expect(await events('CLEANUP_RUN')).toMatchObject(
      ['PARTIAL', 'PARTIAL', 'SUCCEEDED'].map((status, run) => ({
        reason: `RECOVERY_CODES ${status}`,
        removed_count: [3, 3, 4][run],
      })),
    );
  });

  it('stays as it is without deleteEmptyBatches, and becomes PURGED by a later run with it', async () => {
    const batchId = await mixedBatch();
    const later = rules.at(3 * DAY);
    const kept = await purge({ deleteEmptyBatches: false }, later);
    expect(kept).toMatchObject({ status: 'SUCCEEDED', total: 10, counts: { codes: 10, batches: 0 } });
    expect(await lines(kept.id)).toMatchObject([{ purgedCount: 10, remainingRows: 0, isBatchPurged: false }]);
    const [before] = await batchesOf(rules.database, me.id);
    expect(before).toMatchObject({ status: 'SUPERSEDED', codes: null });
    expect(await purge({ deleteEmptyBatches: false }, later)).toMatchObject({ counts: { codes: 0, batches: 0 } });
    expect(await events('BATCH_PURGED')).toEqual([]);

    const report = await purge({ isDryRun: true }, later);
    expect(report).toMatchObject({ total: 0, counts: { codes: 0, batches: 1 } });
    const marked = await purge({}, later);
    expect(marked).toMatchObject({ status: 'SUCCEEDED', total: 0, counts: { codes: 0, batches: 1 } });
    expect(await lines(marked.id)).toMatchObject([{ batchId, purgedCount: 0, remainingRows: 0, isBatchPurged: true }]);
    const [after] = await batchesOf(rules.database, me.id);
    expect(after).toEqual({ ...before, status: 'PURGED' });
    expect(await events('BATCH_PURGED')).toMatchObject([{ batch_id: batchId, removed_count: 0, issued_count: 10 }]);
    expect(await purge({}, later)).toMatchObject({ counts: { codes: 0, batches: 0 } });
  });

  it('marks more batches than a chunk holds', async () => {
    await makeOldBatches(rules.database, 25, 1);
    await purge({ deleteEmptyBatches: false });
    const report = await purge({ settings: { PURGE_BATCH_SIZE: '4' } });
    expect(report).toMatchObject({ status: 'SUCCEEDED', counts: { batches: 25 } });
    expect(await lines(report.id)).toHaveLength(25);
  });
});

describe('an expired batch that is stored as ACTIVE', () => {
  it('is stored as EXPIRED with the first of its codes that goes, and lapses once', async () => {
    const used = { status: 'USED', ends: { used_at: OLD } } as const;
    await makeBatch(rules.database, {
      expiresAt: '2020-06-01T00:00:00Z',
      codes: [used, { status: 'ACTIVE' }, { status: 'ACTIVE' }],
    });
    const row = () =>
      rules.database.rows('select status, used_count, lapsed_count, purged_count from recovery_code_batches');
    expect(await purge({ maxDeletions: 1 })).toMatchObject({ isCapped: true, counts: { codes: 1, batches: 0 } });
    expect(await row()).toEqual([{ status: 'EXPIRED', used_count: 1, lapsed_count: 2, purged_count: 1 }]);
    expect(await rules.database.rows('select status, count(*)::int from recovery_codes group by 1')).toEqual([
      { status: 'EXPIRED', count: 2 },
    ]);
    expect(await purge()).toMatchObject({ isCapped: false, counts: { codes: 2, batches: 1 } });
    expect(await row()).toEqual([{ status: 'PURGED', used_count: 1, lapsed_count: 2, purged_count: 3 }]);
  });

  it('keeps its codes until the retention from the expiry is over', async () => {
    const { codes } = await issueCodes(rules, me, 2);
    await rules.services.recoveryCodes.verify(me.viewer, me.origin, codes[0] as string);
    // The code that was used goes first; the others are usable still, then expired, then gone.
    expect(await purge({}, rules.at(1.5 * DAY))).toMatchObject({ total: 1 });
    expect(await batchesOf(rules.database, me.id)).toMatchObject([{ status: 'ACTIVE', used: 1, remaining: 9 }]);
    expect(await purge({}, rules.at(2.9 * DAY))).toMatchObject({ total: 0 });
    expect(await purge({}, rules.at(3.1 * DAY))).toMatchObject({ total: 9, counts: { batches: 1 } });
    const [batch] = await batchesOf(rules.database, me.id);
    expect(batch).toMatchObject({ status: 'PURGED', issued: 10, used: 1, lapsed: 9, remaining: 0, codes: null });
  });
});

describe('rows that somebody else holds', () => {
  const IN_USE = 'Some rows were in use; the next run takes them.';

  async function holding<T>(statement: string, run: (letGo: () => Promise<void>) => Promise<T>): Promise<T> {
    const client = await rules.database.pool.connect();
    let isHeld = true;
    const letGo = async () => {
      if (isHeld) await client.query('rollback');
      isHeld = false;
    };
    try {
      await client.query('begin');
      expect((await client.query(statement)).rows).toHaveLength(1);
      return await run(letGo);
    } finally {
      await letGo();
      client.release();
    }
  }
  const ofOne = 'select id from recovery_code_batches where number = 2 for update';

  it('are passed over: the rest goes, and the run says that some were left', async () => {
    await makeOldBatches(rules.database, 3, 4);
    const report = await holding(ofOne, () => purge({ settings: { PURGE_BATCH_SIZE: '3' } }));
    expect(report).toMatchObject({
      status: 'PARTIAL',
      error: IN_USE,
      isCapped: false,
      counts: { codes: 8, batches: 2 },
    });
    expect(await purge()).toMatchObject({ status: 'SUCCEEDED', error: null, counts: { codes: 4, batches: 1 } });
  });

  it('go in a later pass of the same run when they are let go meanwhile', async () => {
    await makeOldBatches(rules.database, 3, 4);
    const report = await holding(ofOne, async (letGo) => {
      const run = purge({ settings: { PURGE_BATCH_SIZE: '3' } });
      await eventually(async () => (await rules.database.rows('select 1 from recovery_codes')).length === 4);
      await delay(50);
      await letGo();
      return await run;
    });
    expect(report).toMatchObject({ status: 'SUCCEEDED', error: null, counts: { codes: 12, batches: 3 } });
  });

  it('do not use up the cap, and leave it reached where as much else was there', async () => {
    await makeOldBatches(rules.database, 3, 4);
    const report = await holding(ofOne, () => purge({ maxDeletions: 8, settings: { PURGE_BATCH_SIZE: '3' } }));
    expect(report).toMatchObject({ status: 'PARTIAL', isCapped: true, error: null, total: 8 });
  });

  it.each([
    ['sessions', 'SESSIONS', 'sessions'],
    ['accounts', 'UNVERIFIED_ACCOUNTS', 'rows'],
  ] as const)('of %s too', async (table, task, kind) => {
    const make = `insert into accounts (id, email, email_key, created_at) select gen_random_uuid(), n::text, n::text, '${OLD}' from generate_series(1, 3) n`;
    await rules.database.rows(make);
    if (task === 'SESSIONS') {
      await rules.database.rows(
        `insert into sessions (id, account_id, method, expires_at) select gen_random_uuid(), id, 'PASSWORD', '${OLD}' from accounts where created_at = '${OLD}'`,
      );
    }
    const one = `select id from ${table} where ${table === 'sessions' ? 'expires_at' : 'created_at'} = '${OLD}' limit 1 for update`;
    const report = await holding(one, () => cleanUp(rules, { task }));
    expect(report).toMatchObject({ status: 'PARTIAL', error: IN_USE, counts: { [kind]: 2 } });
    expect(await cleanUp(rules, { task })).toMatchObject({ status: 'SUCCEEDED', counts: { [kind]: 1 } });
  });
});

describe('purging one batch by hand', () => {
  const purgeBatch = (input: { batchId: string; confirm: boolean }, owner = admin, on = rules) =>
    outcomeOf(on.services.cleanup.purgeBatch(owner.viewer, owner.origin, input));
  const reports = () => rules.database.rows('select status, trigger, counts, total, started_by from purge_reports');

  it('is refused without confirmation, for what is no batch, to others, and while a code of it works', async () => {
    const { id: batchId } = await issueCodes(rules, me);
    expect(await purgeBatch({ batchId, confirm: false })).toBe('CONFIRMATION_REQUIRED');
    expect(await purgeBatch({ batchId: 'x', confirm: true })).toBe('NOT_FOUND');
    expect(await purgeBatch({ batchId: randomUUID(), confirm: true })).toBe('NOT_FOUND');
    expect(await purgeBatch({ batchId, confirm: true }, me)).toBe('FORBIDDEN');
    expect(await purgeBatch({ batchId, confirm: true })).toBe('CONFLICT');
    expect(await reports()).toEqual([]);
    expect(await batchesOf(rules.database, me.id)).toMatchObject([{ status: 'ACTIVE', codes: { ACTIVE: 10 } }]);
  });

  it('takes all its codes at any age, with one report and events by whoever asked; a repeat changes nothing', async () => {
    const batchId = await mixedBatch();
    await purge({ maxDeletions: 2 }, rules.at(3 * DAY));
    await rules.database.rows('delete from purge_reports');
    expect(await purgeBatch({ batchId, confirm: true })).toMatchObject({ id: batchId, status: 'PURGED', usedCount: 1 });
    expect(await purgeBatch({ batchId, confirm: true })).toMatchObject({ id: batchId, status: 'PURGED' });
    const [batch, other] = await batchesOf(rules.database, me.id);
    const final = { used: 1, invalidated: 2, removed: 3, lapsed: 4, remaining: 0, issued: 10 };
    expect(batch).toMatchObject({ ...final, status: 'PURGED', codes: null });
    expect(other).toMatchObject({ status: 'ACTIVE', codes: { ACTIVE: 10 } });
    expect(await reports()).toEqual([
      { status: 'SUCCEEDED', trigger: 'MANUAL', counts: { codes: 8, batches: 1 }, total: 8, started_by: admin.id },
    ]);
    expect(await events('BATCH_PURGED')).toMatchObject([{ batch_id: batchId, removed_count: 8, actor_id: admin.id }]);
  });

  it('takes an expired one too, and one that is empty already', async () => {
    const { id: expired } = await issueCodes(rules, me, 1);
    const later = rules.at(2 * DAY);
    expect(await purgeBatch({ batchId: expired, confirm: true })).toBe('CONFLICT');
    expect(await purgeBatch({ batchId: expired, confirm: true }, admin, later)).toMatchObject({ status: 'PURGED' });
    expect(await batchesOf(rules.database, me.id)).toMatchObject([{ lapsed: 10, remaining: 0, codes: null }]);
    await makeOldBatches(rules.database, 1, 3);
    await purge({ deleteEmptyBatches: false });
    const [empty] = await rules.database.rows<{ id: string }>(
      'select id from recovery_code_batches where emptied_at is not null',
    );
    expect(await purgeBatch({ batchId: empty?.id as string, confirm: true })).toMatchObject({ status: 'PURGED' });
    expect(await purge()).toMatchObject({ counts: { codes: 0, batches: 0 } });
  });

  it('leaves one report where ten ask at once', async () => {
    const batchId = await mixedBatch();
    const answers = await Promise.all(Array.from({ length: 10 }, () => purgeBatch({ batchId, confirm: true })));
    for (const answer of answers) expect(answer).toMatchObject({ status: 'PURGED' });
    expect(await reports()).toMatchObject([{ total: 10 }]);
  });
});
