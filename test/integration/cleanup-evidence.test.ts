import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { cleanUp } from '../support/cleanup.js';
import { emptyTables, makers, type PurgeableRow, purgeableRows } from '../support/cleanup-rows.js';
import { openRules, type Rules } from '../support/rules.js';

const OLD = '2020-01-01T00:00:00Z';

let rules: Rules;
beforeAll(async () => {
  rules = await openRules();
});
afterAll(() => rules.close());
beforeEach(() => emptyTables(rules.database));

async function left({ table, key }: PurgeableRow): Promise<string[]> {
  return (await rules.database.rows<{ key: string }>(`select ${key} as key from ${table}`)).map((row) => row.key);
}

describe('what does not run', () => {
  const floor = (days: number) => `The retention is below the least that is allowed now, ${days} days.`;
  const auto = { AUDIT_AUTO_CLEANUP: 'true' };
  const strict = { ...auto, EVIDENCE_MIN_DAYS: '30', BATCH_HISTORY_RETENTION_DAYS: '30' };
  it.each([
    ['AUDIT_EVENTS', 30, {}, 'SKIPPED', 'Switched off: AUDIT_AUTO_CLEANUP is false.'],
    ['BATCH_HISTORY', null, {}, 'SKIPPED', 'Switched off: no retention is configured.'],
    ['AUDIT_EVENTS', 6, auto, 'FAILED', floor(7)],
    ['AUDIT_EVENTS', 29, strict, 'FAILED', floor(30)],
    ['EMAIL_LOG', 6, {}, 'FAILED', floor(7)],
    ['PURGE_REPORTS', 0, {}, 'FAILED', floor(7)],
    ['BATCH_HISTORY', 29, strict, 'FAILED', floor(30)],
    ['UNVERIFIED_ACCOUNTS', 0, {}, 'FAILED', floor(1)],
    ['EMAIL_CHANGE_REQUESTS', 0, {}, 'FAILED', floor(1)],
    ['EMAIL_CHANGE_REQUESTS', 1, { EMAIL_CHANGE_TTL_SECONDS: '86401' }, 'FAILED', floor(2)],
  ] as const)('%s with %p days under %j: %s', async (task, retentionDays, settings, status, error) => {
    const row = purgeableRows(rules.database).find((each) => each.task === task) as PurgeableRow;
    await row.make(OLD);
    const before = await left(row);
    const report = await cleanUp(rules, { task, retentionDays, settings });
    expect(report).toMatchObject({ status, error, total: 0 });
    expect(await left(row)).toEqual(expect.arrayContaining(before));
    // The same row goes as soon as nothing is in the way, or this test would prove nothing.
    const allowed = await cleanUp(rules, { task, retentionDays: 30, settings: { ...auto, ...settings, ...auto } });
    expect(allowed).toMatchObject({ status: 'SUCCEEDED', total: 1 });
  });
});

describe('the audit', () => {
  it('still refuses to lose an event outside of a cleanup, on the same connection too', async () => {
    await makers(rules.database).auditEvent(OLD);
    const settings = { AUDIT_AUTO_CLEANUP: 'true' };
    await rules.db.connection().execute(async (own) => {
      const report = await cleanUp({ db: own }, { task: 'AUDIT_EVENTS', settings });
      expect(report).toMatchObject({ status: 'SUCCEEDED', total: 1 });
      await sql`insert into audit_events (id, action) values (gen_random_uuid(), 'SIGNED_IN')`.execute(own);
      await expect(sql`delete from audit_events`.execute(own)).rejects.toThrow('append-only');
    });
    await expect(rules.database.rows('delete from audit_events')).rejects.toThrow('append-only');
  });
});
