import { EventStream } from './event-stream.js';

/** More kinds of news than any subscriber has at once; what was longest due goes first. */
const MOST_KEPT = 64;

/** The events of one subscriber of which only the latest of each key counts: a slow one misses those between. */
export class LatestEvents<T> extends EventStream<T> {
  readonly #kept: Map<string, T>;

  constructor(closed: () => void) {
    const kept = new Map<string, T>();
    const take = () => {
      const [first] = kept;
      if (first !== undefined) kept.delete(first[0]);
      return first?.[1];
    };
    super({ take, closed });
    this.#kept = kept;
  }

  /** Takes the place of what is still due under this key. */
  offer(key: string, event: T): void {
    if (this.#kept.size >= MOST_KEPT && !this.#kept.has(key)) {
      const [oldest] = this.#kept.keys();
      if (oldest !== undefined) this.#kept.delete(oldest);
    }
    this.#kept.set(key, event);
    this.wake();
  }
}
