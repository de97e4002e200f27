import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { cleanUp } from '../support/cleanup.js';
import { emptyTables, makers } from '../support/cleanup-rows.js';
import { openRules, type Rules } from '../support/rules.js';

const DAY_MS = 86_400_000;

let rules: Rules;
beforeAll(async () => {
  rules = await openRules();
});
afterAll(() => rules.close());
beforeEach(() => emptyTables(rules.database));

const ago = (days: number) => new Date(Date.now() - days * DAY_MS);

type State = 'open' | 'by current' | 'by new' | 'complete';

/** A request asked for so many days ago, as far as it got by now. */
async function make(days: number, state: State): Promise<string> {
  const [created_at, now] = [ago(days), new Date()];
  return await makers(rules.database).emailChange({
    created_at,
    expires_at: new Date(created_at.getTime() + DAY_MS),
    confirmed_by_current_at: state === 'by current' || state === 'complete' ? now : null,
    confirmed_by_new_at: state === 'by new' || state === 'complete' ? now : null,
    completed_at: state === 'complete' ? now : null,
  });
}

const left = async () =>
  (await rules.database.rows<{ id: string }>('select id from email_change_requests')).map(({ id }) => id).toSorted();

describe('EMAIL_CHANGE_REQUESTS', () => {
  it('takes what is complete at any age, and what is not after the retention, whatever one side has said', async () => {
    const kept = [
      await make(3, 'open'),
      await make(6.99, 'by current'),
      await make(6.99, 'by new'),
      await make(0, 'open'),
    ];
    const complete: [number, State][] = [0, 1, 14].map((days) => [days, 'complete']);
    const stale: [number, State][] = [
      [14, 'open'],
      [8, 'by current'],
      [8, 'by new'],
    ];
    for (const [days, state] of [...complete, ...stale]) await make(days, state);
    const wish = { task: 'EMAIL_CHANGE_REQUESTS' as const };
    // One that is complete and old is counted once.
    const counts = { completed: 3, stale: 3 };
    expect(await cleanUp(rules, { ...wish, isDryRun: true })).toMatchObject({ status: 'SUCCEEDED', total: 6, counts });
    expect(await left()).toHaveLength(10);
    expect(await cleanUp(rules, wish)).toMatchObject({ status: 'SUCCEEDED', total: 6, counts, retentionDays: 7 });
    expect(await left()).toEqual(kept.toSorted());
    expect(await cleanUp(rules, wish)).toMatchObject({ total: 0, counts: { completed: 0, stale: 0 } });
  });

  it('goes by the days that it is given', async () => {
    const kept = await make(1.5, 'open');
    await make(2.5, 'open');
    await make(14, 'by new');
    await make(0, 'complete');
    const report = await cleanUp(rules, { task: 'EMAIL_CHANGE_REQUESTS', retentionDays: 2 });
    expect(report).toMatchObject({ counts: { completed: 1, stale: 2 }, total: 3 });
    expect(await left()).toEqual([kept]);
  });

  it('goes in chunks under one cap, the completed ones first', async () => {
    for (let n = 0; n < 3; n += 1) await make(20 + n, 'open');
    for (let n = 0; n < 3; n += 1) await make(n, 'complete');
    const wish = { task: 'EMAIL_CHANGE_REQUESTS' as const, maxDeletions: 4, settings: { PURGE_BATCH_SIZE: '2' } };
    const capped = { status: 'PARTIAL', isCapped: true, total: 4, counts: { completed: 3, stale: 1 } };
    expect(await cleanUp(rules, { ...wish, isDryRun: true })).toMatchObject(capped);
    expect(await cleanUp(rules, wish)).toMatchObject(capped);
    expect(await cleanUp(rules, wish)).toMatchObject({ status: 'SUCCEEDED', total: 2, counts: { stale: 2 } });
  });

  it('leaves the account alone, whose address was changed', async () => {
    await make(0, 'complete');
    await cleanUp(rules, { task: 'EMAIL_CHANGE_REQUESTS' });
    expect(await rules.database.rows('select 1 from accounts')).toHaveLength(1);
  });
});
