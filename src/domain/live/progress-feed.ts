import { sql } from 'kysely';
import type { TaskName } from '../cleanup/registry.js';
import type { Database } from '../database.js';
import { isId } from '../ids.js';
import type { Signals } from '../signals.js';
import type { EventStream } from './event-stream.js';
import { LatestEvents } from './latest-events.js';
import { RepeatedWork } from './repeated-work.js';

/** How far a run has come. */
export interface RunProgress {
  readonly reportId: string;
  readonly task: TaskName;
  /** Rows removed so far. */
  readonly done: number;
  readonly eligible: number | null;
}

interface Parts {
  readonly db: Database;
  readonly signals: Signals;
  readonly onFault: (error: unknown) => void;
}

/** How far runs have come, the latest state of each, to those who want to know. */
export class ProgressFeed {
  /** Of whoever wants one run, by its id, and under undefined of whoever wants all. */
  readonly #streams = new Map<string | undefined, Set<LatestEvents<RunProgress>>>();
  readonly #loading: RepeatedWork;
  #due = new Set<string>();

  constructor(private readonly parts: Parts) {
    this.#loading = new RepeatedWork({
      run: () => this.#load(),
      isWanted: () => this.size > 0,
      onFault: parts.onFault,
    });
    parts.signals.on('sparekey_purge_progressed', (reportId) => this.#heard(reportId));
  }

  get size(): number {
    return [...this.#streams.values()].reduce((sum, { size }) => sum + size, 0);
  }

  open(reportId: string | undefined): EventStream<RunProgress> {
    const streams = this.#streams.get(reportId) ?? new Set();
    const stream: LatestEvents<RunProgress> = new LatestEvents(() => {
      streams.delete(stream);
      if (streams.size === 0) this.#streams.delete(reportId);
    });
    this.#streams.set(reportId, streams.add(stream));
    return stream;
  }

  #heard(reportId: string): void {
    const isWanted = this.#streams.has(reportId) || this.#streams.has(undefined);
    if (!isWanted || !isId(reportId)) return;
    this.#due.add(reportId);
    this.#loading.ask();
  }

  async #load(): Promise<void> {
    const ids = [...this.#due];
    this.#due = new Set();
    const { rows } = await sql<RunProgress>`
      select id as report_id, task, total as done, eligible from purge_reports where id = any(${ids}::uuid[])
    `.execute(this.parts.db);
    for (const progress of rows) {
      for (const wanted of [progress.reportId, undefined]) {
        for (const stream of this.#streams.get(wanted) ?? []) stream.offer(progress.reportId, progress);
      }
    }
  }
}
