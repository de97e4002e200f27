import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import type { Batch } from '../../src/domain/codes/batch.js';
import { BatchFeed } from '../../src/domain/live/batch-feed.js';
import type { EventStream } from '../../src/domain/live/event-stream.js';
import { heldAnswers } from '../support/held-answers.js';
import { issueCodes, makeOwner, openRules, type Owner, type Rules } from '../support/rules.js';
import { SaidSignals } from '../support/said-signals.js';
import { statementsOf } from '../support/statements.js';

let rules: Rules;
let signals: SaidSignals;
let faults: unknown[];
let feed: BatchFeed;
let me: Owner;
const streams: { close(): void }[] = [];

beforeAll(async () => {
  rules = await openRules({ MAX_ATTEMPTS: '100' });
});
beforeEach(async () => {
  signals = new SaidSignals();
  faults = [];
  feed = new BatchFeed({ db: rules.db, signals, onFault: (error) => faults.push(error) });
  me = await makeOwner(rules);
});
afterEach(() => {
  for (const stream of streams.splice(0)) stream.close();
  expect([feed.size, faults]).toEqual([0, []]);
});
afterAll(() => rules.close());

function follow({ id }: Owner): EventStream<Batch> {
  const stream = feed.open(id);
  streams.push(stream);
  return stream;
}

async function next(stream: EventStream<Batch>): Promise<Batch> {
  const got = await Promise.race([stream.next(), delay(5_000, 'late' as const, { ref: false })]);
  if (got === 'late' || got.done === true) throw new Error('No batch came.');
  return got.value;
}

const isSilent = async (stream: EventStream<Batch>) =>
  (await Promise.race([stream.next(), delay(150, 'silent')])) === 'silent';

async function spend(owner: Owner, batch: { id: string; codes: readonly string[] }, index: number): Promise<void> {
  await rules.services.recoveryCodes.verify(owner.viewer, owner.origin, batch.codes[index] as string);
  signals.say('sparekey_batch_changed', batch.id);
}

describe('a subscriber to batches', () => {
  it('gets its current batch first, then each that changed', async () => {
    const first = await issueCodes(rules, me);
    const stream = follow(me);
    expect(await next(stream)).toMatchObject({ id: first.id, remainingCount: 10, status: 'ACTIVE' });
    await spend(me, first, 0);
    expect(await next(stream)).toMatchObject({ id: first.id, remainingCount: 9 });
    const second = await issueCodes(rules, me);
    for (const { id } of [second, first]) signals.say('sparekey_batch_changed', id);
    const both = [await next(stream), await next(stream)];
    expect(Object.fromEntries(both.map(({ id, status }) => [id, status]))).toEqual({
      [second.id]: 'ACTIVE',
      [first.id]: 'SUPERSEDED',
    });
    expect(await isSilent(stream)).toBe(true);
  });

  it('gets nothing first where it has none, and nothing of what is over', async () => {
    const stream = follow(me);
    await delay(50);
    const batch = await issueCodes(rules, me);
    signals.say('sparekey_batch_changed', batch.id);
    expect(await next(stream)).toMatchObject({ id: batch.id, number: 1 });
    await rules.services.recoveryCodes.deleteBatch(me.viewer, me.origin, batch.id);
    const later = follow(me);
    expect(await isSilent(later)).toBe(true);
  });

  it('gets nothing of anybody else, whoever changes', async () => {
    const other = await makeOwner(rules);
    const [mine, theirs] = [await issueCodes(rules, me), await issueCodes(rules, other)];
    const stream = follow(me);
    expect(await next(stream)).toMatchObject({ id: mine.id });
    const beside = follow(other);
    expect(await next(beside)).toMatchObject({ id: theirs.id });
    await spend(other, theirs, 0);
    expect(await next(beside)).toMatchObject({ id: theirs.id, remainingCount: 9 });
    expect(await isSilent(stream)).toBe(true);
  });

  it('gets its current batch first also where another change is just being read', async () => {
    const [first, second] = [await issueCodes(rules, me), await issueCodes(rules, me)];
    const answers = heldAnswers(rules.db);
    feed = new BatchFeed({ db: answers.db, signals, onFault: (error) => faults.push(error) });
    expect(await next(follow(me))).toMatchObject({ id: second.id });
    const held = answers.hold();
    signals.say('sparekey_batch_changed', first.id);
    await held;
    const told = next(follow(me));
    answers.letIn();
    expect(await told).toMatchObject({ id: second.id });
  });

  it('gets the latest state of a batch only, where it takes its time', async () => {
    const batch = await issueCodes(rules, me);
    const [slow, quick] = [follow(me), follow(me)];
    expect(await next(quick)).toMatchObject({ remainingCount: 10 });
    for (const index of [0, 1, 2, 3]) {
      await spend(me, batch, index);
      expect(await next(quick)).toMatchObject({ remainingCount: 9 - index });
    }
    expect(await next(slow)).toMatchObject({ id: batch.id, remainingCount: 6 });
    expect(await isSilent(slow)).toBe(true);
  });

  it('is told after a gap what is current, and what became of what it knew', async () => {
    const first = await issueCodes(rules, me);
    const stream = follow(me);
    expect(await next(stream)).toMatchObject({ id: first.id });
    const second = await issueCodes(rules, me);
    expect(await isSilent(stream)).toBe(true);
    signals.gap();
    // The one that was asked for in vain takes the first.
    const told = await next(stream);
    expect([first.id, second.id]).toContain(told.id);
    await rules.services.recoveryCodes.deleteBatch(me.viewer, me.origin, second.id);
    const after = follow(me);
    expect(await isSilent(after)).toBe(true);
  });
});

describe('what subscribers to batches cost', () => {
  it('is nothing while there are none', async () => {
    const batch = await issueCodes(rules, me);
    const texts = await statementsOf(rules.database.pool, async () => {
      for (let count = 0; count < 20; count += 1) signals.say('sparekey_batch_changed', batch.id);
      signals.gap();
      await delay(50);
    });
    expect(texts).toEqual([]);
  });

  it('is one statement for all that is heard together, and words that are no ids are left aside', async () => {
    const others = await Promise.all(Array.from({ length: 5 }, () => makeOwner(rules)));
    const batches: { readonly id: string }[] = [];
    for (const owner of [me, ...others]) batches.push(await issueCodes(rules, owner));
    const stream = follow(me);
    await next(stream);
    const texts = await statementsOf(rules.database.pool, async () => {
      signals.say('sparekey_batch_changed', `x'; drop table accounts; --`);
      for (const { id } of [...batches, ...batches]) signals.say('sparekey_batch_changed', id);
      expect(await next(stream)).toMatchObject({ id: batches[0]?.id });
      expect(await isSilent(stream)).toBe(true);
    });
    expect(texts).toHaveLength(1);
    expect(texts[0]).toContain('account_id = any');
  });
});
