import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { cutoffOf } from '../../src/domain/cleanup/cutoff.js';
import { taskNames, taskOf, type TaskName } from '../../src/domain/cleanup/registry.js';
import type { Position, Step } from '../../src/domain/cleanup/task.js';
import { sql } from 'kysely';
import { randomUUID } from 'node:crypto';
import { PostgresJobs } from '../../src/jobs/postgres-backend.js';
import { batchesOf } from '../support/batch-rows.js';
import { cleanUp, type RunWish } from '../support/cleanup.js';
import { emptyTables, makeBatch, makers, type PurgeableRow, purgeableRows } from '../support/cleanup-rows.js';
import { PASSWORD } from '../support/accounts.js';
import { issueCodes, makeOwner, openRules, outcomeOf, type Rules } from '../support/rules.js';

const DAY = 86_400;
const AT = '2025-03-01T12:00:00.123000Z';
const BEFORE = '2025-03-01T12:00:00.122999Z';
const AFTER = '2025-03-01T12:00:00.123001Z';

let rules: Rules;
beforeAll(async () => {
  rules = await openRules();
});
afterAll(() => rules.close());
beforeEach(() => emptyTables(rules.database));

/** Known only once there is a database, and needed before for the names of tests. */
const kinds = purgeableRows({ rows: () => Promise.reject(new Error('There is no database yet.')) });
const rowOf = (what: string) => purgeableRows(rules.database).find((row) => row.what === what) as PurgeableRow;
const finishedJobs = () => new PostgresJobs(rules.db, rules.database.pool).finishedJobs;
const stepsOf = (task: TaskName) => taskOf(task).steps({ deleteEmptyBatches: true, finishedJobs: finishedJobs() });

async function left({ table, key }: PurgeableRow): Promise<string[]> {
  return (await rules.database.rows<{ key: string }>(`select ${key} as key from ${table}`)).map((row) => row.key);
}

/** Removes all that a step finds under an explicit cutoff. */
async function purgeAll(step: Step, cutoff: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  let after: Position | undefined;
  do {
    const chunk = { cutoff, limit: 2, after, reportId: randomUUID() };
    const removed = await rules.db.transaction().execute(async (tx) => {
      // What a run notes of batches belongs to a report.
      const report = sql`insert into purge_reports (id, task, trigger) values (${chunk.reportId}, 'OUTBOX', 'MANUAL')`;
      await report.execute(tx);
      const gone = await step.purge(tx, chunk);
      await sql`delete from purge_reports where id = ${chunk.reportId}`.execute(tx);
      return gone;
    });
    for (const [kind, count] of Object.entries(removed.counts)) counts[kind] = (counts[kind] ?? 0) + count;
    after = removed.next;
  } while (after !== undefined);
  return counts;
}

describe('at the boundary, to the microsecond', () => {
  it('every task is covered', () => {
    // But for those that remove nothing.
    const removing = taskNames.filter((task) => taskOf(task).chore === undefined);
    expect(new Set(kinds.map(({ task }) => task))).toEqual(new Set(removing));
  });

  it.each(kinds.map(({ task, what }) => [task, what] as const))('%s: %s', async (task, what) => {
    const row = rowOf(what);
    const [older, exact, younger] = [await row.make(BEFORE), await row.make(AT), await row.make(AFTER)];
    const steps = stepsOf(task);
    const previews = await Promise.all(steps.map((step) => step.preview(rules.db, { cutoff: AT, limit: 100 })));
    const estimates = await Promise.all(steps.map((step) => step.estimate(rules.db, AT)));
    const counts = [];
    for (const step of steps) counts.push(await purgeAll(step, AT));
    expect(new Set(await left(row))).toEqual(new Set([exact, younger]));
    expect(await left(row)).not.toContain(older);
    const sum = (all: readonly Readonly<Record<string, number>>[]) =>
      all.reduce((total, each) => total + (each[row.kind] ?? 0), 0);
    expect(sum(counts)).toBe(1);
    expect(sum(previews)).toBe(1);
    expect(task === 'JOBS' || estimates.some((estimate) => estimate === 1)).toBe(true);
  });
});

describe('the cutoff of a run', () => {
  const least = { days: 7, hours: 24 * 7 };
  it.each([
    ['RECOVERY_CODES', 1, "interval '24 hours'"],
    ['RECOVERY_CODES', 36_500, `interval '${24 * 36_500} hours'`],
    ['RECOVERY_CODES', 0, "interval '-1 microsecond'"],
    ['AUDIT_EVENTS', least.days, `interval '${least.hours} hours'`],
    ['UNVERIFIED_ACCOUNTS', 1, "interval '24 hours'"],
    ['EMAIL_CHANGE_REQUESTS', 7, "interval '168 hours'"],
    ['VERIFICATION_TOKENS', null, "interval '0'"],
    ['SESSIONS', null, "interval '0'"],
    ['SIGNING_KEYS', null, "interval '0'"],
    ['COPIES', null, "interval '0'"],
    ['RATE_LIMITS', null, "interval '24 hours'"],
    ['OUTBOX', null, "interval '168 hours'"],
    ['JOBS', null, "interval '168 hours'"],
  ] as const)('%s with %p days lies %s before now, by the one clock', async (task, days, ago) => {
    for (const shift of [0, 40 * DAY + 0.5]) {
      const isSame = await rules
        .at(shift)
        .db.transaction()
        .execute(async (tx) => {
          const cutoff = await cutoffOf(tx, taskOf(task).retention, days);
          const { rows } = await sql<{ isSame: boolean; isShifted: boolean }>`
          select ${cutoff}::timestamptz = sparekey_now() - ${sql.raw(ago)} as is_same,
            sparekey_now() - now() = make_interval(secs => ${shift}) as is_shifted
        `.execute(tx);
          return rows[0];
        });
      expect(isSame).toEqual({ isSame: true, isShifted: true });
    }
  });
});

describe('a retention of 0 days', () => {
  it('takes whatever has ended by now, however short ago, and no code that would be accepted', async () => {
    const me = await makeOwner(rules);
    const old = await issueCodes(rules, me);
    const { codes } = await issueCodes(rules, me, 30);
    await rules.services.recoveryCodes.verify(me.viewer, me.origin, codes[0] as string);
    const report = await cleanUp(rules, { task: 'RECOVERY_CODES', retentionDays: 0 });
    expect(report).toMatchObject({ status: 'SUCCEEDED', total: 11, counts: { codes: 11, batches: 1 } });
    expect(await batchesOf(rules.database, me.id)).toMatchObject([
      { id: old.id, status: 'PURGED', lapsed: 10, remaining: 0, codes: null },
      { status: 'ACTIVE', used: 1, remaining: 9, codes: { ACTIVE: 9 } },
    ]);
    for (const code of codes.slice(1)) {
      await rules.database.rows('delete from rate_limits');
      expect(await rules.services.recoveryCodes.verify(me.viewer, me.origin, code)).toMatchObject({
        outcome: 'ACCEPTED',
      });
    }
  });

  it('takes a code at the very moment from which it is refused, and not before', async () => {
    const expiresAt = '2030-01-01T00:00:00Z';
    await makeBatch(rules.database, { expiresAt, codes: [{ status: 'ACTIVE' }] });
    const [now] = await rules.database.rows<{ left: number }>(
      `select extract(epoch from timestamptz '${expiresAt}' - now())::float8 as left`,
    );
    const early = await cleanUp(rules.at((now?.left as number) - 60), { task: 'RECOVERY_CODES', retentionDays: 0 });
    expect(early.total).toBe(0);
    const late = await cleanUp(rules.at((now?.left as number) + 1), { task: 'RECOVERY_CODES', retentionDays: 0 });
    expect(late).toMatchObject({ total: 1, counts: { batches: 1 } });
  });
});

const OLD = '2020-01-01T00:00:00Z';

/** What a run must leave alone although everything about it is old, and what it takes beside it. */
const spared: readonly [string, RunWish, () => Promise<unknown>][] = [
  [
    'active codes, of batches with an expiry to come and without any',
    { task: 'RECOVERY_CODES', retentionDays: 0 },
    async () => {
      await makeBatch(rules.database, { codes: [{ status: 'ACTIVE' }] });
      await makeBatch(rules.database, { codes: [{ status: 'ACTIVE' }], expiresAt: '2100-01-01T00:00:00Z' });
    },
  ],
  [
    'batches that are not PURGED, whatever else they are',
    { task: 'BATCH_HISTORY', retentionDays: 7 },
    async () => {
      for (const status of ['ACTIVE', 'EXHAUSTED', 'EXPIRED', 'SUPERSEDED', 'PENDING_DELETION']) {
        const codes = [{ status: status === 'ACTIVE' ? ('ACTIVE' as const) : ('SUPERSEDED' as const) }];
        const ended = codes.map((code) =>
          code.status === 'ACTIVE' ? code : { ...code, ends: { superseded_at: OLD } },
        );
        const id = await makeBatch(rules.database, { status, codes: ended });
        await rules.database.rows(`update recovery_code_batches set created_at = $2, updated_at = $2 where id = $1`, [
          id,
          OLD,
        ]);
      }
    },
  ],
  [
    'admins, verified accounts, accounts from elsewhere, and those that ever had a batch',
    { task: 'UNVERIFIED_ACCOUNTS', retentionDays: 1 },
    async () => {
      const make = makers(rules.database);
      await make.account({ role: 'ADMIN', created_at: OLD });
      await make.account({ email_verified_at: OLD, created_at: OLD });
      const foreign = { email: null, email_key: null, external_id: 'x', created_at: OLD };
      await make.account({ ...foreign, origin: 'issuer:https://id.example.org' });
      await make.account({ ...foreign, origin: 'service:shop' });
      const accountId = await make.account({ created_at: OLD });
      const id = await makeBatch(rules.database, { accountId, codes: [] });
      await rules.database.rows(`update recovery_code_batches set status = 'PURGED', purged_at = $2 where id = $1`, [
        id,
        OLD,
      ]);
    },
  ],
  [
    'changes of address that wait, whatever one side has said',
    { task: 'EMAIL_CHANGE_REQUESTS', retentionDays: 7 },
    async () => {
      const { emailChange } = makers(rules.database);
      const young = new Date(Date.now() - 6.99 * DAY * 1000);
      for (const side of ['confirmed_by_current_at', 'confirmed_by_new_at', 'created_at']) {
        await emailChange({ [side]: young, created_at: young });
      }
    },
  ],
  [
    'tokens that still lead somewhere',
    { task: 'VERIFICATION_TOKENS' },
    () => makers(rules.database).token({ purpose: 'PASSWORD_RESET', created_at: OLD, expires_at: '2100-01-01' }),
  ],
  [
    'former signing keys that prove tokens yet',
    { task: 'SIGNING_KEYS' },
    () => makers(rules.database).signingKey('2100-01-01T00:00:00Z'),
  ],
  [
    'used refresh tokens until they expire, and sessions that have some',
    { task: 'SESSIONS' },
    async () => {
      const id = await makers(rules.database).refreshToken('2100-01-01');
      await rules.database.rows(`update refresh_tokens set used_at = $2, created_at = $2 where id = $1`, [id, OLD]);
      await rules.database.rows(`update sessions set expires_at = $1, revoked_at = $1, created_at = $1`, [OLD]);
    },
  ],
  ['copies in time', { task: 'COPIES' }, () => makers(rules.database).copy('2100-01-01')],
  [
    'limiter rows that block still, or were touched lately',
    { task: 'RATE_LIMITS' },
    async () => {
      const make = makers(rules.database);
      await make.limiterRow({ updated_at: OLD, blocked_until: '2100-01-01' });
      await make.limiterRow({ updated_at: new Date(Date.now() - 86_000_000), blocked_until: OLD });
      await make.limiterRow({ updated_at: OLD, blocked_until: new Date(Date.now() - 86_000_000) });
    },
  ],
  [
    'messages that wait to be delivered',
    { task: 'OUTBOX' },
    () => makers(rules.database).message({ created_at: OLD, due_at: OLD, attempts: 9 }),
  ],
  [
    'reports that wait, and runs under way',
    { task: 'PURGE_REPORTS', retentionDays: 7 },
    async () => {
      for (const status of ['QUEUED', 'RUNNING']) {
        await rules.database.rows(
          `insert into purge_reports (id, task, status, trigger, started_at) values (gen_random_uuid(), 'OUTBOX', $1, 'MANUAL', $2)`,
          [status, OLD],
        );
      }
    },
  ],
  [
    'jobs that wait, run, or are schedules, and those of others',
    { task: 'JOBS' },
    async () => {
      const make = makers(rules.database);
      await make.job({ last_finished_at: OLD, next_run_at: '2100-01-01' });
      await make.job({ last_finished_at: OLD, locked_at: OLD });
      await make.job({ last_finished_at: OLD, name: 'cleanup', data: { id: 'x', name: 'x' } });
      await make.job({ last_finished_at: OLD, name: 'of another program' });
    },
  ],
];

async function wordOf(reportId: string): Promise<string[]> {
  const rows = await rules.database.rows<{ id: string }>(`select id from outbox where payload->>'reportId' = $1`, [
    reportId,
  ]);
  return rows.map(({ id }) => id);
}

describe('what a run leaves alone', () => {
  it.each(spared)('%s', async (_, wish, make) => {
    const [row] = purgeableRows(rules.database).filter(({ task }) => task === wish.task) as [PurgeableRow];
    await make();
    const before = await left(row);
    expect(before.length).toBeGreaterThan(0);
    const taken = await row.make(OLD);
    const report = await cleanUp(rules, { ...wish, finishedJobs: finishedJobs() });
    expect(report).toMatchObject({ status: 'SUCCEEDED', error: null });
    expect(report.counts[row.kind]).toBe(1);
    const after = await left(row);
    expect(after).not.toContain(taken);
    // Its own report, and the word of it, come with the run.
    const own = new Set([taken, report.id, ...(await wordOf(report.id))]);
    expect(after.filter((key) => !own.has(key)).toSorted()).toEqual(before.toSorted());
  });
});

describe('SESSIONS', () => {
  it('leaves a replay detectable: it is told as one, and ends the session', async () => {
    const me = await makeOwner(rules);
    const signedIn = await rules.services.signIn.withPassword(me.origin, { email: me.email, password: PASSWORD });
    const refreshed = await rules.services.signIn.refresh(me.origin, signedIn.refreshToken);
    await rules.database.rows(
      `update refresh_tokens set used_at = now() - interval '20 days' where used_at is not null`,
    );
    expect(await cleanUp(rules.at(DAY), { task: 'SESSIONS' })).toMatchObject({ status: 'SUCCEEDED', total: 0 });
    const { signIn } = rules.at(DAY).services;
    expect(await outcomeOf(signIn.refresh(me.origin, signedIn.refreshToken))).toBe('REFRESH_TOKEN_REUSED');
    expect(await outcomeOf(signIn.refresh(me.origin, refreshed.refreshToken))).toBe('SESSION_EXPIRED');
  });

  it('counts the tokens and the sessions, and takes a session with its last token', async () => {
    const make = makers(rules.database);
    const session_id = await make.session({ expires_at: OLD });
    for (let n = 0; n < 3; n += 1) {
      const id = await make.refreshToken(OLD);
      await rules.database.rows('update refresh_tokens set session_id = $2 where id = $1', [id, session_id]);
    }
    const dry = await cleanUp(rules, { task: 'SESSIONS', isDryRun: true });
    const report = await cleanUp(rules, { task: 'SESSIONS' });
    expect(report).toMatchObject({ counts: { refreshTokens: 3, sessions: 1 }, total: 4 });
    expect(dry).toMatchObject({ counts: report.counts, total: 4, status: 'SUCCEEDED' });
    expect(await rules.database.rows('select id from sessions where id = $1', [session_id])).toEqual([]);
  });
});

describe('VERIFICATION_TOKENS', () => {
  it('are counted by purpose', async () => {
    const { token } = makers(rules.database);
    const wanted = { EMAIL_VERIFICATION: 1, PASSWORD_RESET: 2, EMAIL_CHANGE: 3 };
    for (const [purpose, count] of Object.entries(wanted)) {
      for (let n = 0; n < count; n += 1) await token({ purpose, [n % 2 === 0 ? 'used_at' : 'expires_at']: OLD });
    }
    expect(await cleanUp(rules, { task: 'VERIFICATION_TOKENS' })).toMatchObject({ counts: wanted, total: 6 });
    expect(await cleanUp(rules, { task: 'VERIFICATION_TOKENS' })).toMatchObject({
      counts: { EMAIL_VERIFICATION: 0, PASSWORD_RESET: 0, EMAIL_CHANGE: 0 },
      total: 0,
    });
  });
});

describe('UNVERIFIED_ACCOUNTS', () => {
  it('writes an event for each account, and takes its tokens with it', async () => {
    const make = makers(rules.database);
    const ids = [await make.account({ created_at: OLD }), await make.account({ created_at: OLD })];
    const purpose = 'EMAIL_VERIFICATION';
    await make.token({ purpose, account_id: ids[0] });
    expect(await cleanUp(rules, { task: 'UNVERIFIED_ACCOUNTS' })).toMatchObject({ total: 2, counts: { rows: 2 } });
    const events = await rules.database.rows<{ account_id: string; reason: string }>(
      `select account_id, reason from audit_events where action = 'ACCOUNT_DELETED'`,
    );
    expect(events.map(({ account_id }) => account_id).toSorted()).toEqual(ids.toSorted());
    expect(new Set(events.map(({ reason }) => reason))).toEqual(new Set(['never verified']));
    expect(await rules.database.rows('select 1 from verification_tokens')).toEqual([]);
  });
});
