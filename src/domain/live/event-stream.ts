/** What a stream takes its events from. */
export interface EventSource<T> {
  /** The next event, or undefined where there is none at the moment. Called for one event at a time. */
  take(): T | undefined | Promise<T | undefined>;
  /** Called once, when nobody will take any more. */
  closed(): void;
}

/**
 * The events of one subscriber. Nothing is kept for a subscriber that does not ask: each event is taken when it is asked
 * for. An object of its own instead of an async generator, whose `return` would wait for the next event.
 */
export class EventStream<T> implements AsyncIterableIterator<T, undefined> {
  #waiting: PromiseWithResolvers<void> | undefined;
  #isWoken = false;
  #isOver = false;

  constructor(private readonly source: EventSource<T>) {}

  /** Says that there may be an event again. */
  wake(): void {
    this.#isWoken = true;
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    while (!this.#isOver) {
      this.#isWoken = false;
      const event = await this.source.take();
      if (this.#isOver) break;
      if (event !== undefined) return { value: event, done: false };
      // What woke it while it took nothing would be lost.
      if (!this.#isWoken) await (this.#waiting ??= Promise.withResolvers<void>()).promise;
    }
    return { value: undefined, done: true };
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.close();
    return { value: undefined, done: true };
  }

  async throw(error: unknown): Promise<IteratorResult<T, undefined>> {
    this.close();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Ends it for whoever waits, too. Closing again does nothing. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.source.closed();
    this.wake();
  }
}
