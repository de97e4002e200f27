import { setTimeout as delay } from 'node:timers/promises';

/** Asks again and again until the answer is yes; an error after `withinMs`. */
export async function eventually(isSo: () => Promise<boolean> | boolean, withinMs = 10_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`It was not so within ${withinMs} ms.`);
    await delay(20);
  }
}
