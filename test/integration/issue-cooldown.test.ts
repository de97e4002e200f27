import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { auditOf } from '../support/batch-rows.js';
import { makeOwner, openRules, outcomeOf, type Owner, refusalOf, type Rules } from '../support/rules.js';

let rules: Rules;
beforeAll(async () => {
  rules = await openRules({
    COOLDOWN_BASE_SECONDS: '30',
    COOLDOWN_MULTIPLIER: '2',
    COOLDOWN_CUTOFF_SECONDS: '300',
  });
});
afterAll(() => rules.close());

const generate = ({ services }: Rules, { viewer, origin }: Owner) =>
  services.recoveryCodes.generate(viewer, origin, {});
const press = (by: Rules, owner: Owner) => refusalOf(generate(by, owner));
const keyOf = ({ id }: Owner) => rules.keyring.mark('limits', 'generate', id);

async function storedWindow(owner: Owner) {
  const [row] = await rules.database.rows<{ blocked_until: Date; step: number }>(
    'select blocked_until, step from rate_limits where key = $1',
    [keyOf(owner)],
  );
  return row;
}

/** An account that has issued once just now, and pressed so many times since. */
async function pressedTimes(count: number): Promise<{ owner: Owner; waits: number[] }> {
  const owner = await makeOwner(rules);
  await generate(rules, owner);
  const waits: number[] = [];
  for (let n = 0; n < count; n += 1) waits.push((await press(rules, owner)).retryAfterSeconds);
  return { owner, waits };
}

describe('the cooldown of issuing', () => {
  it('grows 30, 60, 120, 240, 300, 300 when it is pressed at once', async () => {
    const { waits } = await pressedTimes(6);
    expect(waits).toEqual([30, 60, 120, 240, 300, 300]);
  });

  it.each([
    [1, 30],
    [2, 60],
    [3, 120],
    [4, 240],
    [5, 300],
    [6, 300],
  ])('enforces what it tells at press %i: closed a moment before %i seconds, open after them', async (count, wait) => {
    const [patient, hasty] = [await pressedTimes(count - 1), await pressedTimes(count - 1)];
    const told = await press(rules, patient.owner);
    expect(told.retryAfterSeconds).toBe(wait);
    expect((await storedWindow(patient.owner))?.blocked_until).toEqual(told.retryAt);
    expect((await rules.services.accounts.belongings.generateCooldowns([patient.owner.id]))[0]).toEqual({
      retryAt: told.retryAt,
      retryAfterSeconds: wait,
    });

    await press(rules, hasty.owner);
    const next = await press(rules.at(wait - 2), hasty.owner);
    expect(next.retryAfterSeconds).toBe(Math.min(30 * 2 ** count, 300));

    const later = rules.at(wait);
    expect(await later.services.accounts.belongings.generateCooldowns([patient.owner.id])).toEqual([null]);
    expect((await generate(later, patient.owner)).batch.number).toBe(2);
  });

  it('begins anew once it was waited out', async () => {
    const { owner } = await pressedTimes(4);
    const later = rules.at(240);
    await generate(later, owner);
    const waits: number[] = [];
    for (let n = 0; n < 3; n += 1) waits.push((await press(later, owner)).retryAfterSeconds);
    expect(waits).toEqual([30, 60, 120]);
  });

  it('lets the first issue ever pass, and is one account’s own', async () => {
    await pressedTimes(3);
    const other = await makeOwner(rules);
    expect(await rules.services.accounts.belongings.generateCooldowns([other.id])).toEqual([null]);
    expect((await generate(rules, other)).batch.number).toBe(1);
  });

  it('outlives the deletion of the batch, its exhaustion and the server', async () => {
    const owner = await makeOwner(rules);
    const { batch } = await generate(rules, owner);
    await rules.services.recoveryCodes.deleteBatch(owner.viewer, owner.origin, batch.id);
    expect((await press(rules, owner)).retryAfterSeconds).toBe(30);
    const restarted = rules.with({});
    expect((await press(restarted, owner)).retryAfterSeconds).toBe(60);
    expect((await press(rules, owner)).retryAfterSeconds).toBe(120);
  });

  it('changes nothing else when it refuses', async () => {
    const owner = await makeOwner(rules);
    const { batch } = await generate(rules, owner);
    const snapshot = () =>
      rules.database.rows(
        `select to_jsonb(b) as batch, (select jsonb_agg(c order by position) from recovery_codes c where batch_id = b.id) as codes,
           (select jsonb_agg(c) from code_copies c where batch_id = b.id) as copies,
           (select jsonb_agg(a) from accounts a where a.id = b.account_id) as accounts,
           (select count(*)::int from outbox where payload->>'accountId' = $2) as messages
         from recovery_code_batches b where id = $1`,
        [batch.id, owner.id],
      );
    const before = await snapshot();
    for (let n = 0; n < 4; n += 1) await press(rules, owner);
    expect(await snapshot()).toEqual(before);
    expect(await auditOf(rules.database, owner.id)).toEqual({ CODES_GENERATED: 1, RATE_LIMITED: 4 });
  });

  it('opens no window for an issue that failed, and lets the next one pass', async () => {
    const owner = await makeOwner(rules);
    // The copy cannot be kept, so that the whole issue rolls back.
    await rules.database.rows('alter table code_copies rename column sealed to sealed_gone');
    const failed = outcomeOf(generate(rules, owner));
    await failed;
    await rules.database.rows('alter table code_copies rename column sealed_gone to sealed');
    expect(await failed).toBe('42703');
    expect(await auditOf(rules.database, owner.id)).toEqual({});
    expect(await storedWindow(owner)).toMatchObject({ blocked_until: null });
    const viewer = { ...owner.viewer, sessionId: randomUUID() };
    expect(await outcomeOf(generate(rules, { ...owner, viewer }))).toBe('UNAUTHENTICATED');
    expect(await auditOf(rules.database, owner.id)).toEqual({});
    expect(await storedWindow(owner)).toMatchObject({ blocked_until: null });
    expect((await generate(rules, owner)).batch.number).toBe(1);
  });

  it('admits one issue at a time; one that never ended stands in the way for a minute, and opens no window', async () => {
    const owner = await makeOwner(rules);
    const limits = { base: 30, multiplier: 2, cutoff: 300 };
    const [taken] = await rules.database.rows('select is_admitted from take_cooldown($1, $2, $3)', [
      randomUUID(),
      keyOf(owner),
      limits,
    ]);
    expect(taken).toEqual({ is_admitted: true });
    for (const by of [rules, rules.at(30), rules.at(58)]) {
      expect((await press(by, owner)).retryAfterSeconds).toBe(1);
    }
    expect(await storedWindow(owner)).toEqual({ blocked_until: null, step: 0 });
    expect((await generate(rules.at(60), owner)).batch.number).toBe(1);
  });

  it('stays at its cutoff however often it is pressed, without an overflow', async () => {
    const steep = rules.with({ COOLDOWN_MULTIPLIER: '10', COOLDOWN_CUTOFF_SECONDS: '86400' });
    const owner = await makeOwner(rules);
    await generate(steep, owner);
    await press(steep, owner);
    for (const step of [63, 64, 65, 400, 2_000_000_000, 2_147_483_647]) {
      await rules.database.rows('update rate_limits set step = $2 where key = $1', [keyOf(owner), step]);
      expect((await press(steep, owner)).retryAfterSeconds).toBe(86_400);
    }
  });

  it('does not grow with a multiplier of one', async () => {
    const flat = rules.with({ COOLDOWN_MULTIPLIER: '1' });
    const owner = await makeOwner(rules);
    await generate(flat, owner);
    for (let n = 0; n < 4; n += 1) expect((await press(flat, owner)).retryAfterSeconds).toBe(30);
  });
});
