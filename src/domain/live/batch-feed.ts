import type { Batch } from '../codes/batch.js';
import { activeBatchesOf, batchesOfAccounts } from '../codes/read-batches.js';
import type { Database } from '../database.js';
import { isId } from '../ids.js';
import type { Signals } from '../signals.js';
import type { EventStream } from './event-stream.js';
import { LatestEvents } from './latest-events.js';
import { RepeatedWork } from './repeated-work.js';

interface Parts {
  readonly db: Database;
  readonly signals: Signals;
  readonly onFault: (error: unknown) => void;
}

interface Follower {
  readonly stream: LatestEvents<Batch>;
  /** False until it was told the current batch, which comes first. */
  hasBegun: boolean;
  /** What its page shows. */
  lastId: string | undefined;
}

/** Ids that are heard within this time are loaded together. */
const GATHER_MS = 5;

/** Each account's batches as they change, the latest state of each, to that account's own subscribers. */
export class BatchFeed {
  readonly #followers = new Map<string, Set<Follower>>();
  readonly #loading: RepeatedWork;
  /** Ids of batches that changed, and of accounts whose current batch is to be told. */
  #changed = new Set<string>();
  #current = new Set<string>();

  constructor(private readonly parts: Parts) {
    const work = { run: () => this.#load(), isWanted: () => this.#followers.size > 0, onFault: parts.onFault };
    this.#loading = new RepeatedWork(work, GATHER_MS);
    parts.signals.on('sparekey_batch_changed', (batchId) => this.#heard(batchId));
    parts.signals.onGap(() => this.#tellAgain());
  }

  get size(): number {
    return [...this.#followers.values()].reduce((sum, { size }) => sum + size, 0);
  }

  open(accountId: string): EventStream<Batch> {
    const followers = this.#followers.get(accountId) ?? new Set();
    const stream = new LatestEvents<Batch>(() => {
      followers.delete(follower);
      if (followers.size === 0) this.#followers.delete(accountId);
    });
    const follower: Follower = { stream, hasBegun: false, lastId: undefined };
    this.#followers.set(accountId, followers.add(follower));
    this.#current.add(accountId);
    this.#loading.ask();
    return stream;
  }

  #heard(batchId: string): void {
    if (this.#followers.size === 0 || !isId(batchId)) return;
    this.#changed.add(batchId);
    this.#loading.ask();
  }

  /** What was told last may have changed meanwhile, and what is current, too. */
  #tellAgain(): void {
    for (const [accountId, followers] of this.#followers) {
      this.#current.add(accountId);
      for (const { lastId } of followers) if (lastId !== undefined) this.#changed.add(lastId);
    }
    this.#loading.ask();
  }

  /** One load at a time, so that no older state comes after a newer one. */
  async #load(): Promise<void> {
    const [changed, current] = [[...this.#changed], [...this.#current]];
    [this.#changed, this.#current] = [new Set(), new Set()];
    try {
      if (current.length > 0) this.#tellCurrent(current, await activeBatchesOf(this.parts.db, current));
      if (changed.length === 0) return;
      for (const batch of await batchesOfAccounts(this.parts.db, changed, [...this.#followers.keys()]))
        this.#tell(batch);
    } catch (error) {
      for (const id of changed) this.#changed.add(id);
      for (const id of current) this.#current.add(id);
      throw error;
    }
  }

  #tellCurrent(accountIds: readonly string[], batches: readonly Batch[]): void {
    for (const accountId of accountIds) {
      for (const follower of this.#followers.get(accountId) ?? []) follower.hasBegun = true;
    }
    for (const batch of batches) this.#tell(batch);
  }

  #tell(batch: Batch): void {
    for (const follower of this.#followers.get(batch.accountId ?? '') ?? []) {
      if (!follower.hasBegun) continue;
      follower.lastId = batch.id;
      follower.stream.offer(batch.id, batch);
    }
  }
}
