import { setTimeout as delay } from 'node:timers/promises';

/**
 * Begins so many operations a second whether or not those before them have ended, as people do.
 *
 * @returns how long each took from when it was due, in milliseconds
 */
export async function openLoop(
  perSecond: number,
  count: number,
  operation: (index: number) => Promise<unknown>,
): Promise<number[]> {
  const startedAt = performance.now();
  const running: Promise<number>[] = [];
  for (let index = 0; index < count; index += 1) {
    const dueAt = startedAt + (index * 1000) / perSecond;
    const early = dueAt - performance.now();
    if (early > 0) await delay(early);
    running.push(operation(index).then(() => performance.now() - dueAt));
  }
  return await Promise.all(running);
}
