import type { Database } from '../database.js';
import type { DomainSettings } from '../settings.js';
import type { KeyRefresh } from '../issuers/key-refresh.js';
import type { FinishedJobs } from './finished-jobs.js';

/** How many rows, by kind. */
export type Counts = Readonly<Record<string, number>>;

/** A place in the order in which rows go, to the microsecond. */
export interface Position {
  readonly at: string;
  readonly id: string;
}

/** Which rows go: those that ended strictly before `cutoff` (timestamptz as text). */
export interface Range {
  readonly cutoff: string;
  readonly limit: number;
}

export interface Chunk extends Range {
  /** Where the chunk before it ended. */
  readonly after: Position | undefined;
  readonly reportId: string;
}

export interface Removed {
  readonly counts: Counts;
  /** How many rows of those that `limit` limits. */
  readonly removed: number;
  /** Where the next chunk begins; undefined when none is left behind this one. */
  readonly next: Position | undefined;
  /** Batches that changed, for whoever looks on. */
  readonly batchIds?: readonly string[];
}

/** One kind of row that a task removes, oldest first. */
export interface Step {
  /** It removes no rows, so that no cap holds for it. */
  readonly isUncapped?: boolean;
  /** Removes up to `limit` rows in the given transaction; rows that others hold locked are left for later. */
  purge(tx: Database, chunk: Chunk): Promise<Removed>;
  /** What `purge` would remove of at most `limit` rows, by the same predicate; removes nothing. */
  preview(db: Database, range: Range): Promise<Counts>;
  /** About how many rows are eligible, told quickly; null where nobody knows. */
  estimate(db: Database, cutoff: string): Promise<number | null>;
}

/** How old what a task removes has to be: not at all, a fixed time, or days that a schedule may choose. */
export type RetentionRule =
  | { readonly kind: 'none' }
  | { readonly kind: 'fixed'; readonly days: number }
  | {
      readonly kind: 'days';
      readonly least: (settings: DomainSettings) => number;
      /** Undefined: never, unless somebody chooses. */
      readonly standard: (settings: DomainSettings) => number | undefined;
    };

/** What the steps of one run need to know. */
export interface RunOptions {
  readonly deleteEmptyBatches: boolean;
  readonly finishedJobs: FinishedJobs;
}

/** What a task does that removes nothing. All of its kinds are marks. */
export interface Chore {
  /** What it would do. */
  preview(): Promise<Counts>;
  /** Does it part by part, and tells of each as it ends. A part that failed is counted too, and ends nothing. */
  run(): AsyncIterable<Counts>;
  /** How a run ends that has counted so much. */
  endingOf(counts: Counts): { readonly status: 'SUCCEEDED' | 'PARTIAL' | 'FAILED'; readonly error?: string };
}

/** What chores work with. */
export interface ChoreParts {
  readonly keyRefresh: Pick<KeyRefresh, 'due' | 'refreshAll'>;
}

/** One kind of purge: which rows are eligible, and how a chunk of them goes. */
export interface CleanupTask<Name extends string = string> {
  readonly name: Name;
  readonly retention: RetentionRule;
  /** The kinds that a report always tells, if only as 0. */
  readonly kinds: readonly string[];
  /** Those of `kinds` that are no removed rows, and are left out of the total. */
  readonly marks?: readonly string[];
  /** Why it does not run; undefined where it does. */
  readonly switchedOff?: (settings: DomainSettings) => string | undefined;
  /** In the order in which they go: each begins when the one before it has nothing left. */
  readonly steps: (options: RunOptions) => readonly Step[];
  /** Of a task that removes nothing: what it does in place of steps. */
  readonly chore?: (parts: ChoreParts) => Chore;
}
