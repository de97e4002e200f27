import { setTimeout as delay } from 'node:timers/promises';

/** Looks that nobody waits for, and how soon each is given back. */
const LOOKS_AT_ONCE = 5;
const LOOK_EVERY_MS = 1_000;
const IN_VAIN_FOR_MS = 5_000;
const MOST_IN_VAIN = 1_000;

/**
 * Looks for names that are not known here, since another process may have given them a moment ago. The first few are
 * looked for at once, then all who ask share one look a second: a right name is always found, and made-up ones cost
 * little, however many. One that was looked for in vain is not looked for again for some seconds.
 */
export class SecondLook<T> {
  /** When each was looked for, oldest first. */
  readonly #inVain = new Map<string, number>();
  /** Looks are paid for up to here, by the process's monotonic clock. */
  #paidUntil = 0;
  #shared: Promise<ReadonlyMap<string, T>> | undefined;

  /** @param look reads all names that there are; what it returns was read after it was called */
  constructor(private readonly look: () => Promise<ReadonlyMap<string, T>>) {}

  async find(name: string): Promise<T | undefined> {
    if (performance.now() - (this.#inVain.get(name) ?? Number.NEGATIVE_INFINITY) < IN_VAIN_FOR_MS) return undefined;
    const found = (await this.#lookInTurn()).get(name);
    if (found === undefined) this.#note(name);
    return found;
  }

  async #lookInTurn(): Promise<ReadonlyMap<string, T>> {
    const waitMs = this.#paidUntil - (LOOKS_AT_ONCE - 1) * LOOK_EVERY_MS - performance.now();
    if (this.#shared === undefined && waitMs <= 0) return await this.#pay();
    this.#shared ??= this.#lookAfter(waitMs);
    return await this.#shared;
  }

  async #lookAfter(ms: number): Promise<ReadonlyMap<string, T>> {
    await delay(ms);
    // Whoever asks from here on may want what is given from here on.
    this.#shared = undefined;
    return await this.#pay();
  }

  async #pay(): Promise<ReadonlyMap<string, T>> {
    this.#paidUntil = Math.max(this.#paidUntil, performance.now()) + LOOK_EVERY_MS;
    return await this.look();
  }

  #note(name: string): void {
    this.#inVain.delete(name);
    this.#inVain.set(name, performance.now());
    const [oldest] = this.#inVain.keys();
    if (this.#inVain.size > MOST_IN_VAIN && oldest !== undefined) this.#inVain.delete(oldest);
  }
}
