/** What a stream takes its events from. */
export interface EventSource<T> {
  /** The next event, or undefined where there is none at the moment. Called for one event at a time. */
  take(): T | undefined | Promise<T | undefined>;
  /** Called once, when nobody will take any more. */
  closed(): void;
}

/** Whoever decides, when an event has come, whether it is given. The stream ends at the first that is not. */
interface StreamGuard {
  admits(): boolean | Promise<boolean>;
  /** Called once, when the stream is over. */
  closed(): void;
}

type Next<T> = IteratorResult<T, undefined>;

/**
 * The events of one subscriber. Nothing is kept for a subscriber that does not ask: each event is taken when it is asked
 * for. An object of its own instead of an async generator, whose `return` would wait for the next event, and written with
 * no more promises than one an event: there can be tens of thousands of these, and all have the same event at once.
 */
export class EventStream<T> implements AsyncIterableIterator<T, undefined> {
  /** Of whoever waits first. */
  #asked: PromiseWithResolvers<Next<T>> | undefined;
  #isTaking = false;
  #isWoken = false;
  #isOver = false;
  #guard: StreamGuard | undefined;

  constructor(private readonly source: EventSource<T>) {}

  guard(guard: StreamGuard): void {
    this.#guard = guard;
  }

  /** Says that there may be an event again. */
  wake(): void {
    this.#isWoken = true;
    if (this.#asked !== undefined && !this.#isTaking) this.#take();
  }

  next(): Promise<Next<T>> {
    if (this.#isOver) return Promise.resolve({ value: undefined, done: true });
    if (this.#asked !== undefined) return this.#asked.promise.then(() => this.next());
    this.#asked = Promise.withResolvers<Next<T>>();
    const { promise } = this.#asked;
    this.#take();
    return promise;
  }

  async return(): Promise<Next<T>> {
    this.close();
    return { value: undefined, done: true };
  }

  async throw(error: unknown): Promise<Next<T>> {
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
    this.#answer({ value: undefined, done: true });
    this.source.closed();
    this.#guard?.closed();
  }

  #take(): void {
    this.#isWoken = false;
    try {
      const event = this.source.take();
      if (event instanceof Promise) this.#wait(event, (taken) => this.#took(taken));
      else this.#took(event);
    } catch (error) {
      this.#fail(error);
    }
  }

  #took(event: T | undefined): void {
    if (this.#isOver) return;
    if (event !== undefined) this.#offer(event);
    // What woke it while it took nothing would be lost.
    else if (this.#isWoken) this.#take();
  }

  #offer(event: T): void {
    const isAdmitted = this.#guard?.admits() ?? true;
    if (isAdmitted instanceof Promise) this.#wait(isAdmitted, (admitted) => this.#give(event, admitted));
    else this.#give(event, isAdmitted);
  }

  #give(event: T, isAdmitted: boolean): void {
    if (isAdmitted) this.#answer({ value: event, done: false });
    else this.close();
  }

  #wait<R>(result: Promise<R>, then: (result: R) => void): void {
    this.#isTaking = true;
    const goOn = (settled: R) => {
      this.#isTaking = false;
      then(settled);
    };
    result.then(goOn).catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    this.#isTaking = false;
    this.#asked?.reject(error);
    this.#asked = undefined;
  }

  #answer(next: Next<T>): void {
    this.#asked?.resolve(next);
    this.#asked = undefined;
  }
}
