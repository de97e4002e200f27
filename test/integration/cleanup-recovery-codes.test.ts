import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { batchesOf } from '../support/batch-rows.js';
import { cleanUp } from '../support/cleanup.js';
import { issueCodes, makeOwner, openRules, type Owner, type Rules } from '../support/rules.js';

const DAY = 86_400;
let rules: Rules;
let me: Owner;

beforeAll(async () => {
  rules = await openRules();
});
afterAll(() => rules.close());
beforeEach(async () => {
  await rules.database.rows('truncate recovery_codes, recovery_code_batches, purge_reports cascade');
  me = await makeOwner(rules);
});

const TASK = 'RECOVERY_CODES' as const;

describe('RECOVERY_CODES', () => {
  it('removes codes that ended longer ago than the retention, and no others', async () => {
    const old = await issueCodes(rules, me);
    await issueCodes(rules, me);
    await rules.database.rows(`update recovery_codes set superseded_at = superseded_at - interval '30 days' where batch_id = $1 and position <= 4`, [old.id]);
    const report = await cleanUp(rules, { task: TASK, retentionDays: 29 });
    expect(report).toMatchObject({ status: 'SUCCEEDED', total: 4, counts: { codes: 4, batches: 0 }, isCapped: false });
    const [first, second] = await batchesOf(rules.database, me.id);
    expect(first).toMatchObject({ status: 'SUPERSEDED', codes: { SUPERSEDED: 6 } });
    expect(second).toMatchObject({ status: 'ACTIVE', codes: { ACTIVE: 10 } });
  });

  it('is strict: what ended exactly at the cutoff stays', async () => {
    const { id } = await issueCodes(rules, me, 1);
    // Both the expiry and the clock of a transaction are frozen here, so that they can be the same to the microsecond.
    await rules.db.transaction().execute(async () => undefined);
    const at = rules.at(2 * DAY);
    await rules.database.rows(`update recovery_codes set expires_at = now() + interval '1 day' where batch_id = $1`, [id]);
    expect((await cleanUp(at, { task: TASK, retentionDays: 1 })).total).toBe(10);
  });
});
