import { describe, expect, it } from '@jest/globals';
import { EventStream } from '../../src/domain/live/event-stream.js';
import { FreshRead } from '../../src/domain/live/fresh-read.js';
import { LatestEvents } from '../../src/domain/live/latest-events.js';
import { RepeatedWork } from '../../src/domain/live/repeated-work.js';

const nothing = () => undefined;
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a stream of events', () => {
  it('is asked again where it was woken while it took nothing', async () => {
    const events: string[] = [];
    const answers: PromiseWithResolvers<string | undefined>[] = [];
    const take = () => {
      if (events.length > 0) return events.shift();
      const answer = Promise.withResolvers<string | undefined>();
      answers.push(answer);
      return answer.promise;
    };
    const stream = new EventStream({ take, closed: nothing });
    const next = stream.next();
    events.push('one');
    stream.wake();
    answers[0]?.resolve(undefined);
    expect(await next).toEqual({ done: false, value: 'one' });
  });

  it('ends for whoever waits, and tells so once', async () => {
    let closed = 0;
    const stream = new EventStream({ take: nothing, closed: () => (closed += 1) });
    const next = stream.next();
    await turn();
    await stream.return();
    stream.close();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(closed).toBe(1);
    await expect(stream.throw(new Error('of the consumer'))).rejects.toThrow('of the consumer');
  });

  it('gives nothing that was taken for it after it was closed', async () => {
    const answer = Promise.withResolvers<string>();
    const stream = new EventStream({ take: () => answer.promise, closed: nothing });
    const next = stream.next();
    stream.close();
    answer.resolve('late');
    expect(await next).toEqual({ done: true, value: undefined });
  });
});

describe('the latest events', () => {
  it('are those of each key, in the order in which their keys came', async () => {
    const events = new LatestEvents<number>(nothing);
    for (const [key, event] of [
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ] as const)
      events.offer(key, event);
    expect((await events.next()).value).toBe(3);
    expect((await events.next()).value).toBe(2);
  });

  it('are so many at most, however many keys there are', async () => {
    const events = new LatestEvents<number>(nothing);
    for (let key = 0; key < 1_000; key += 1) events.offer(String(key), key);
    const kept: unknown[] = [];
    for (let count = 0; count < 64; count += 1) kept.push((await events.next()).value);
    expect(kept).toEqual(Array.from({ length: 64 }, (_, index) => 936 + index));
    const next = events.next();
    expect(await Promise.race([next, turn().then(() => 'nothing more')])).toBe('nothing more');
    events.close();
  });
});

describe('a fresh read', () => {
  it('begins after it is asked for, one at a time, for all who ask meanwhile', async () => {
    const reads: PromiseWithResolvers<number>[] = [];
    const read = new FreshRead(() => {
      const next = Promise.withResolvers<number>();
      reads.push(next);
      return next.promise;
    });
    const first = read.get();
    const others = [read.get(), read.get(), read.get()];
    await turn();
    expect(reads).toHaveLength(1);
    reads[0]?.resolve(1);
    expect(await first).toBe(1);
    await turn();
    expect(reads).toHaveLength(2);
    reads[1]?.resolve(2);
    expect(await Promise.all(others)).toEqual([2, 2, 2]);
  });

  it('fails for those whose read failed, and not for the next ones', async () => {
    const answers = [Promise.reject(new Error('away')), Promise.resolve(2)];
    const read = new FreshRead(() => answers.shift() as Promise<number>);
    const [first, second] = [read.get(), read.get()];
    await expect(first).rejects.toThrow('away');
    expect(await second).toBe(2);
  });
});

describe('repeated work', () => {
  it('runs once more for all that was asked while it ran, and again after a fault', async () => {
    let runs = 0;
    const faults: unknown[] = [];
    const gate = Promise.withResolvers<void>();
    const fault = new Error('of this run');
    const work = new RepeatedWork({
      async run() {
        runs += 1;
        if (runs === 1) await gate.promise;
        if (runs === 2) throw fault;
      },
      isWanted: () => true,
      onFault: (error) => faults.push(error),
    });
    for (let count = 0; count < 5; count += 1) work.ask();
    gate.resolve();
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect([runs, faults]).toEqual([3, [fault]]);
    work.ask();
    await turn();
    expect(runs).toBe(4);
  });
});
