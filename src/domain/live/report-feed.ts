import { latestCursor, reportsEndedAfter } from '../cleanup/read-reports.js';
import type { Report } from '../cleanup/report.js';
import type { TaskName } from '../cleanup/registry.js';
import type { Database } from '../database.js';
import type { Signals } from '../signals.js';
import { EventStream } from './event-stream.js';
import { FreshRead } from './fresh-read.js';
import { RepeatedWork } from './repeated-work.js';
import { ReportLog } from './report-log.js';
import { ReportReplay } from './report-replay.js';
import { wakeInTurns } from './wake-in-turns.js';

export interface ReportWish {
  readonly task: TaskName | undefined;
  /** The place behind which it begins; undefined: with what ends from here on. */
  readonly after: string | undefined;
}

interface Parts {
  readonly db: Database;
  readonly signals: Signals;
  readonly onFault: (error: unknown) => void;
}

const READ_TOGETHER = 32;

/**
 * The reports of ended runs, to any number of subscribers: read once a process, kept as a short log that all of them take
 * from, each at its own place. One that falls behind the log reads pages of its own, so that nobody is waited for,
 * nothing is left out, and a subscriber that is stuck costs no more than one that is not.
 */
export class ReportFeed {
  readonly #streams = new Set<EventStream<Report>>();
  readonly #latest = new FreshRead(() => latestCursor(this.parts.db));
  readonly #reading: RepeatedWork;
  /** While there are subscribers. */
  #log: ReportLog | undefined;

  constructor(private readonly parts: Parts) {
    this.#reading = new RepeatedWork({
      run: () => this.#readOn(),
      isWanted: () => this.#log !== undefined,
      onFault: parts.onFault,
    });
    parts.signals.on('sparekey_purge_reported', () => this.#reading.ask());
    parts.signals.onGap(() => this.#reading.ask());
  }

  get size(): number {
    return this.#streams.size;
  }

  async open({ task, after }: ReportWish): Promise<EventStream<Report>> {
    const replay = new ReportReplay({ db: this.parts.db, task, log: () => this.#log, onFault: this.parts.onFault });
    const stream: EventStream<Report> = new EventStream({
      take: () => replay.next(),
      closed: () => (replay.end(), this.#leave(stream)),
    });
    this.#streams.add(stream);
    try {
      replay.begin(BigInt(after ?? (await this.#latest.get())));
      await this.#beginLog();
    } catch (error) {
      stream.close();
      throw error;
    }
    return stream;
  }

  async #beginLog(): Promise<void> {
    if (this.#log !== undefined) return;
    const start = BigInt(await this.#latest.get());
    this.#log ??= new ReportLog(start);
    // What ended since was signalled to nobody.
    this.#reading.ask();
  }

  #leave(stream: EventStream<Report>): void {
    this.#streams.delete(stream);
    if (this.#streams.size === 0) this.#log = undefined;
  }

  async #readOn(): Promise<void> {
    for (let log = this.#log; log !== undefined; log = this.#log) {
      const reports = await reportsEndedAfter(this.parts.db, String(log.head), { limit: READ_TOGETHER });
      for (const report of reports) log.add(report);
      if (reports.length > 0) await wakeInTurns(this.#streams);
      if (reports.length < READ_TOGETHER) return;
    }
  }
}
