import type { Database } from '../database.js';
import type { Report } from './report.js';
import { noteProgress } from './report-rows.js';
import { taskOf } from './registry.js';
import type { Counts, Position, Removed } from './task.js';

/** What is told while a run goes on; after the commits, on the run's own connection. */
export interface RunEvents {
  progressed(): Promise<void>;
  batchesChanged(ids: readonly string[]): Promise<void>;
  chunk(line: { readonly removed: number; readonly total: number; readonly ms: number }): void;
}

const NO_LIMIT = 2_147_483_647;
const BETWEEN_PROGRESS_MS = 300;

/** What a run has removed so far, and what its cap leaves. */
export class Tally {
  #counts: Record<string, number>;
  #total = 0;
  #isCancelled = false;
  #toldAt = -Infinity;
  readonly #marks: readonly string[];

  constructor(
    private readonly own: Database,
    private readonly report: Report,
    private readonly events: RunEvents,
  ) {
    const { kinds, marks = [] } = taskOf(report.task);
    this.#counts = Object.fromEntries(kinds.map((kind) => [kind, 0]));
    this.#marks = marks;
  }

  get counts(): Counts {
    return this.#counts;
  }

  get total(): number {
    return this.#total;
  }

  /** Asked for while the run went on. */
  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** How many rows may go still. */
  get left(): number {
    return (this.report.maxDeletions ?? NO_LIMIT) - this.#total;
  }

  /** One chunk: removes and notes it in one transaction. Returns where the next one begins. */
  async add(purge: (tx: Database) => Promise<Removed>): Promise<Position | undefined> {
    const startedAt = performance.now();
    const removed = await this.#commit(purge);
    await this.#tell(removed, performance.now() - startedAt);
    return removed.next;
  }

  async #commit(purge: (tx: Database) => Promise<Removed>): Promise<Removed> {
    const before = { counts: this.#counts, total: this.#total };
    try {
      return await this.own.transaction().execute(async (tx) => {
        const chunk = await purge(tx);
        this.count(chunk.counts);
        this.#isCancelled = await noteProgress(tx, this.report.id, this);
        return chunk;
      });
    } catch (error) {
      // What was not committed did not happen.
      [this.#counts, this.#total] = [before.counts, before.total];
      throw error;
    }
  }

  count(counts: Counts): void {
    this.#counts = { ...this.#counts };
    for (const [kind, count] of Object.entries(counts)) this.#counts[kind] = (this.#counts[kind] ?? 0) + count;
    this.#total += this.rowsOf(counts);
  }

  /** How many of the counted are removed rows. */
  rowsOf(counts: Counts): number {
    const rows = Object.entries(counts).filter(([kind]) => !this.#marks.includes(kind));
    return rows.reduce((sum, [, count]) => sum + count, 0);
  }

  async #tell({ removed, batchIds = [] }: Removed, ms: number): Promise<void> {
    if (batchIds.length > 0) await this.events.batchesChanged(batchIds);
    const now = performance.now();
    if (now - this.#toldAt >= BETWEEN_PROGRESS_MS) {
      this.#toldAt = now;
      await this.events.progressed();
    }
    this.events.chunk({ removed, total: this.#total, ms: Math.round(ms * 10) / 10 });
  }
}
