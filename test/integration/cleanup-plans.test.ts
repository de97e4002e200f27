import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { cleanUp } from '../support/cleanup.js';
import { makeOldBatches } from '../support/cleanup-rows.js';
import { openRules, type Rules } from '../support/rules.js';

const CODES = 200_000;

let rules: Rules;
beforeAll(async () => {
  rules = await openRules();
  await makeOldBatches(rules.database, CODES / 50, 50);
});
afterAll(() => rules.close());

/** Purges 2000 codes, and tells how often each table was read as a whole, and how often by an index. */
async function scansOfRun(): Promise<Record<string, { readonly whole: number; readonly byIndex: number }>> {
  await rules.database.rows('select pg_stat_reset()');
  const wish = { task: 'RECOVERY_CODES', retentionDays: 1, maxDeletions: 2000 } as const;
  await rules.db.connection().execute(async (own) => {
    expect(await cleanUp({ db: own }, wish)).toMatchObject({ total: 2000, counts: { codes: 2000, batches: 40 } });
    await sql`select pg_stat_force_next_flush()`.execute(own);
  });
  const rows = await rules.database.rows<{ relname: string; whole: number; byIndex: number }>(
    `select relname, seq_scan::int as whole, idx_scan::int as "byIndex" from pg_stat_user_tables`,
  );
  return Object.fromEntries(rows.map(({ relname, ...scans }) => [relname, scans]));
}

describe.each(['before anything is known of the table', 'analyzed'])('a chunk of 200 000 codes, %s', (when) => {
  beforeAll(async () => {
    if (when === 'analyzed') await rules.database.rows('analyze');
  });

  const chunk = `select code.id, code.batch_id, code.ended_at from recovery_codes code
    where code.ended_at < '2021-01-01'::timestamptz`;
  const further = `and (code.ended_at, code.id) > ('2020-01-01 12:00:00Z'::timestamptz, gen_random_uuid())`;
  it.each([
    ['the first', ''],
    ['a later', further],
  ])('%s one is found by a range scan of the index, in its order', async (_, more) => {
    const lines = await rules.database.rows<{ 'QUERY PLAN': string }>(
      `explain ${chunk} ${more} order by code.ended_at, code.id limit 500`,
    );
    const plan = lines.map((line) => line['QUERY PLAN']).join('\n');
    expect(plan).toMatch(/Index (?:Only )?Scan using recovery_codes_ended_at_index/);
    expect(plan).toMatch(/Index Cond: .*ended_at </);
    expect(plan).not.toMatch(/Seq Scan|Sort|Bitmap/);
  });

  it('reads no table as a whole', async () => {
    const { recovery_codes: codes, recovery_code_batches: batches } = await scansOfRun();
    expect(codes?.byIndex).toBeGreaterThan(0);
    expect(batches?.byIndex).toBeGreaterThan(0);
    expect([codes?.whole, batches?.whole]).toEqual([0, 0]);
  });
});
