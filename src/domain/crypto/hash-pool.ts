import pLimit from 'p-limit';
import { UnavailableError } from '../errors.js';

/**
 * Bounds how many slow hashes run at once, and how many may wait, so that a flood of sign-ins neither starves the
 * process nor grows its memory.
 */
export class HashPool {
  readonly #limit;
  readonly #queueLength: number;

  constructor({ concurrency, queueLength }: { readonly concurrency: number; readonly queueLength: number }) {
    this.#limit = pLimit(concurrency);
    this.#queueLength = queueLength;
  }

  /** @throws UnavailableError when the queue is full; nothing was begun then. */
  async run<T>(hash: () => Promise<T>): Promise<T> {
    if (this.#limit.pendingCount >= this.#queueLength) throw new UnavailableError();
    return await this.#limit(hash);
  }
}
