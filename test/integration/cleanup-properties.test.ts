import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { pageOfLines } from '../../src/domain/cleanup/read-reports.js';
import type { Report } from '../../src/domain/cleanup/report.js';
import { cleanUp } from '../support/cleanup.js';
import { emptyTables } from '../support/cleanup-rows.js';
import { issueCodes, makeOwner, openRules, type Owner, type Rules } from '../support/rules.js';

const DAY = 86_400;
const CODES = 4;
const ACCOUNTS = 2;
const HISTORIES = 40;
const WITHIN_MS = 45_000;

let rules: Rules;
beforeAll(async () => {
  rules = await openRules({ CODES_PER_BATCH: String(CODES), LOW_CODES_THRESHOLD: '1', MAX_ATTEMPTS: '1000' });
});
afterAll(() => rules.close());

/** What is known of a code without asking the database. Days count from the start of the history. */
interface ModelCode {
  readonly plaintext: string;
  /** When it met its first end but expiry. */
  endedOn?: number;
  endedAs?: 'used' | 'invalidated' | 'removed';
  isGone: boolean;
}

interface ModelBatch {
  readonly id: string;
  readonly account: number;
  readonly expiresOn: number;
  readonly codes: readonly ModelCode[];
  /** Neither superseded nor deleted. */
  isCurrent: boolean;
}

interface History {
  readonly owners: readonly Owner[];
  readonly batches: ModelBatch[];
  today: number;
}

const usable = ({ today }: History, batch: ModelBatch): ModelCode[] =>
  batch.isCurrent && batch.expiresOn > today ? batch.codes.filter(({ endedOn }) => endedOn === undefined) : [];

const endOf = ({ expiresOn }: ModelBatch, { endedOn = Infinity }: ModelCode) => Math.min(expiresOn, endedOn);

/** An end some days ago lies that many days and the moments since then back: at a whole number of days it is past. */
const eligible = ({ today, batches }: History, days: number): ModelCode[] =>
  batches.flatMap((batch) => batch.codes.filter((code) => !code.isGone && endOf(batch, code) + days <= today));

const current = ({ batches }: History, account: number) =>
  batches.findLast((batch) => batch.account === account && batch.isCurrent);

type Step = (history: History, on: Rules) => Promise<void>;

const issue =
  (account: number, days: number | null): Step =>
  async (history, on) => {
    const { id, codes } = await issueCodes(on, history.owners[account] as Owner, days ?? undefined);
    const old = current(history, account);
    if (old !== undefined) {
      for (const code of usable(history, old)) code.endedOn = history.today;
      old.isCurrent = false;
    }
    const expiresOn = days === null ? Infinity : history.today + days;
    const models = codes.map((plaintext): ModelCode => ({ plaintext, isGone: false }));
    history.batches.push({ id, account, expiresOn, codes: models, isCurrent: true });
  };

/** Ends one of the codes of the current batch, whether it is usable or not. */
const end =
  (account: number, index: number, as: NonNullable<ModelCode['endedAs']>): Step =>
  async (history, on) => {
    const batch = current(history, account);
    const code = batch?.codes[index];
    if (batch === undefined || code === undefined) return;
    const { viewer, origin } = history.owners[account] as Owner;
    const { recoveryCodes } = on.services;
    const isUsable = usable(history, batch).includes(code);
    const isDone =
      as === 'used'
        ? (await recoveryCodes.verify(viewer, origin, code.plaintext)).outcome === 'ACCEPTED'
        : (
            await recoveryCodes.revoke(viewer, origin, {
              code: code.plaintext,
              to: as === 'invalidated' ? 'INVALIDATED' : 'PENDING_DELETION',
            })
          ).outcome === 'DONE';
    if (isUsable || as === 'used') expect(isDone).toBe(isUsable);
    if (isUsable) Object.assign(code, { endedOn: history.today, endedAs: as });
  };

const deleteBatch =
  (account: number): Step =>
  async (history, on) => {
    const batch = current(history, account);
    if (batch === undefined) return;
    const { viewer, origin } = history.owners[account] as Owner;
    const isPurged = batch.codes.every(({ isGone }) => isGone);
    if (isPurged) return;
    await on.services.recoveryCodes.deleteBatch(viewer, origin, batch.id);
    for (const code of usable(history, batch)) Object.assign(code, { endedOn: history.today, endedAs: 'removed' });
    batch.isCurrent = false;
  };

const wait =
  (days: number): Step =>
  async (history) =>
    void (history.today += days);

interface Purge {
  readonly retentionDays: number;
  readonly maxDeletions: number | null;
  readonly deleteEmptyBatches: boolean;
  readonly chunk: number;
}

const seen = { runs: 0, removed: 0, capped: 0, marked: 0, spared: 0 };

const purge =
  ({ chunk, ...choices }: Purge): Step =>
  async (history, on) => {
    const wish = { task: 'RECOVERY_CODES', ...choices, settings: { PURGE_BATCH_SIZE: String(chunk) } } as const;
    const mayGo = eligible(history, choices.retentionDays);
    const isUsable = new Set(history.batches.flatMap((batch) => usable(history, batch)));
    const before = await storedCodes();
    const dry = await cleanUp(on, { ...wish, isDryRun: true });
    expect(await storedCodes()).toEqual(before);
    const real = await cleanUp(on, wish);
    const told = ({ status, counts, total, isCapped, error }: Report) => ({ status, counts, total, isCapped, error });
    expect(told(dry)).toEqual(told(real));

    const after = await storedCodes();
    const goneNow = history.batches.flatMap((batch) =>
      batch.codes.filter((code, index) => !code.isGone && !after.has(`${batch.id}/${index + 1}`)),
    );
    for (const code of goneNow) {
      expect(isUsable.has(code)).toBe(false);
      expect(mayGo).toContain(code);
      code.isGone = true;
    }
    expect(real.total).toBe(Math.min(choices.maxDeletions ?? Infinity, mayGo.length));
    expect(goneNow).toHaveLength(real.total);
    expect(before.size - after.size).toBe(real.total);
    expect(real.isCapped).toBe(mayGo.length > real.total);
    const lines = await pageOfLines(on.db, real.id, { after: undefined, limit: 100 });
    expect(lines.reduce((sum, line) => sum + line.purgedCount, 0)).toBe(real.total);
    expect(lines.filter((line) => line.isBatchPurged)).toHaveLength(real.counts['batches'] as number);
    await expectTrueBatches(history, { marks: choices.deleteEmptyBatches && !real.isCapped });
    seen.runs += 1;
    seen.removed += real.total;
    seen.capped += Number(real.isCapped);
    seen.marked += real.counts['batches'] as number;
    seen.spared += isUsable.size;
  };

/** Each stored code by batch and position, with its status. */
async function storedCodes(): Promise<ReadonlyMap<string, string>> {
  const rows = await rules.database.rows<{ place: string; status: string }>(
    `select batch_id || '/' || position as place, status from recovery_codes order by 1`,
  );
  return new Map(rows.map(({ place, status }) => [place, status]));
}

interface StoredBatch {
  readonly id: string;
  readonly status: string;
  readonly used_count: number;
  readonly invalidated_count: number;
  readonly removed_count: number;
  readonly lapsed_count: number;
  readonly purged_count: number;
  /** How many codes of it are stored, and as active. */
  readonly rows: number;
  readonly active: number;
}

/** What holds of every batch whatever was purged of it; `marks`: a run has just marked those that are empty. */
async function expectTrueBatches(history: History, { marks }: { readonly marks: boolean }): Promise<void> {
  const rows = await rules.database.rows<StoredBatch>(
    `select b.*, (select count(*)::int from recovery_codes c where c.batch_id = b.id) as rows,
       (select count(*)::int from recovery_codes c where c.batch_id = b.id and c.status = 'ACTIVE') as active
     from recovery_code_batches b`,
  );
  expect(rows).toHaveLength(history.batches.length);
  for (const batch of history.batches) {
    const row = rows.find(({ id }) => id === batch.id) as StoredBatch;
    const ended = (as: ModelCode['endedAs']) => batch.codes.filter(({ endedAs }) => endedAs === as).length;
    expect(row).toMatchObject({ used_count: ended('used'), invalidated_count: ended('invalidated') });
    expect(row).toMatchObject({ removed_count: ended('removed'), issued_count: CODES });
    const counted = row.used_count + row.invalidated_count + row.removed_count + row.lapsed_count;
    const left = CODES - counted;
    expect(left).toBe(row.status === 'ACTIVE' ? row.active : 0);
    expect(row.purged_count + row.rows).toBe(CODES);
    const working = usable(history, batch);
    if (working.length > 0) expect([row.status, left]).toEqual(['ACTIVE', working.length]);
    if (row.status === 'PURGED') expect(row.rows).toBe(0);
    else if (marks) expect(row.rows).toBeGreaterThan(0);
  }
}

const account = fc.nat(ACCOUNTS - 1);
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(account, fc.option(fc.integer({ min: 1, max: 20 }))).map((args) => issue(...args)) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(account, fc.nat(CODES - 1), fc.constantFrom('used' as const, 'invalidated' as const, 'removed' as const))
      .map((args) => end(...args)),
  },
  { weight: 1, arbitrary: account.map(deleteBatch) },
  { weight: 5, arbitrary: fc.constantFrom(1, 4, 9).map(wait) },
  {
    weight: 5,
    arbitrary: fc
      .record({
        retentionDays: fc.constantFrom(0, 1, 4, 9, 13),
        maxDeletions: fc.option(fc.integer({ min: 1, max: 9 })),
        deleteEmptyBatches: fc.boolean(),
        chunk: fc.integer({ min: 1, max: 5 }),
      })
      .map(purge),
  },
);

async function live(history: readonly Step[]): Promise<void> {
  await emptyTables(rules.database);
  const owners = await Promise.all(Array.from({ length: ACCOUNTS }, () => makeOwner(rules)));
  const state: History = { owners, batches: [], today: 0 };
  for (const step of history) await step(state, rules.at(state.today * DAY));
  const on = rules.at(state.today * DAY);
  await purge({ retentionDays: 0, maxDeletions: null, deleteEmptyBatches: true, chunk: 3 })(state, on);
  // What works still works.
  for (const batch of state.batches) {
    const { viewer, origin } = owners[batch.account] as Owner;
    for (const code of usable(state, batch)) {
      const { outcome } = await on.services.recoveryCodes.verify(viewer, origin, code.plaintext);
      expect(outcome).toBe('ACCEPTED');
    }
  }
}

it('removes no code that works, counts what it removes, and does what its dry run told, in any history', async () => {
  let lived = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 8, maxLength: 24 }), async (history) => {
      await live(history);
      lived += 1;
    }),
    // Each failure is told by itself, with its seed; making a smaller one would take too long here.
    { numRuns: HISTORIES, interruptAfterTimeLimit: WITHIN_MS, endOnFailure: true },
  );
  expect(lived).toBeGreaterThanOrEqual(10);
  const { runs, removed, capped, marked, spared } = seen;
  expect(Math.min(runs / 30, removed / 50, capped / 5, marked / 5, spared / 20)).toBeGreaterThanOrEqual(1);
}, 60_000);
