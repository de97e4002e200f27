import { setImmediate as nextTurn } from 'node:timers/promises';

const AT_ONCE = 128;

/**
 * Wakes some, lets them finish what they do with it, and wakes the next. All at once, each step of each would be taken
 * before the next step of any: with thousands, all that they make would be in memory together, and nothing else would be
 * done for as long as that takes.
 */
export async function wakeInTurns(streams: Iterable<{ wake(): void }>): Promise<void> {
  let woken = 0;
  for (const stream of streams) {
    stream.wake();
    woken += 1;
    if (woken % AT_ONCE === 0) await nextTurn();
  }
}
