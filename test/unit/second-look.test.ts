import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { SecondLook } from '../../src/domain/accounts/second-look.js';

afterEach(() => {
  jest.restoreAllMocks();
});

const names = (count: number) => Array.from({ length: count }, (_, n) => `made up ${n}`);

/** Names that are given elsewhere, and how often they were looked through. */
function elsewhere(given = new Map<string, string>()) {
  let looks = 0;
  const second = new SecondLook<string>(async () => {
    looks += 1;
    return new Map(given);
  });
  return { second, given, looks: () => looks };
}

/** So long after now, by the process's monotonic clock. */
function itIsLaterBy(ms: number): void {
  const now = performance.now() + ms;
  jest.spyOn(performance, 'now').mockReturnValue(now);
}

describe('a second look', () => {
  it('finds at once what was given a moment ago', async () => {
    const { second, given, looks } = elsewhere();
    expect(await second.find('new')).toBeUndefined();
    given.set('newer', 'key');
    const begun = performance.now();
    expect(await second.find('newer')).toBe('key');
    expect([looks(), performance.now() - begun < 500]).toEqual([2, true]);
  });

  it('is taken a few times for any number of made-up names, and still finds a right one among them', async () => {
    const { second, given, looks } = elsewhere();
    const made = names(20).map((name) => second.find(name));
    given.set('right', 'key');
    expect(await Promise.all([...made, second.find('right')])).toEqual([...names(20).map(() => undefined), 'key']);
    expect(looks()).toBe(6);
  });

  it('is taken once a second for names that come one after the other, without an end', async () => {
    const { second, looks } = elsewhere();
    const begun = performance.now();
    for (const name of names(7)) await second.find(name);
    expect(looks()).toBe(7);
    expect(performance.now() - begun).toBeGreaterThan(1_900);
  });

  it('is not taken again for a name that was looked for in vain, for five seconds', async () => {
    const { second, given, looks } = elsewhere();
    for (let n = 0; n < 20; n += 1) expect(await second.find('old')).toBeUndefined();
    expect(looks()).toBe(1);
    given.set('old', 'key');
    itIsLaterBy(4_900);
    expect(await second.find('old')).toBeUndefined();
    itIsLaterBy(200);
    expect(await second.find('old')).toBe('key');
    expect(looks()).toBe(2);
  });

  it('is taken again for a name whose look failed', async () => {
    let isAway = true;
    const second = new SecondLook<string>(async () => {
      if (isAway) throw new Error('away');
      return new Map([['name', 'key']]);
    });
    await expect(second.find('name')).rejects.toThrow('away');
    isAway = false;
    expect(await second.find('name')).toBe('key');
  });

  it('remembers so many names at most', async () => {
    const { second, given, looks } = elsewhere();
    await Promise.all(names(1_001).map((name) => second.find(name)));
    const before = looks();
    expect(await second.find('made up 1000')).toBeUndefined();
    expect(looks()).toBe(before);
    given.set('made up 0', 'key');
    expect(await second.find('made up 0')).toBe('key');
  });
});
