import { setTimeout as delay } from 'node:timers/promises';
import { reportsEndedAfter } from '../cleanup/read-reports.js';
import type { Report } from '../cleanup/report.js';
import type { TaskName } from '../cleanup/registry.js';
import type { Database } from '../database.js';
import { placed, type PlacedReport, type ReportLog } from './report-log.js';

interface Parts {
  readonly db: Database;
  readonly task: TaskName | undefined;
  readonly log: () => ReportLog | undefined;
  readonly onFault: (error: unknown) => void;
}

/** All that one subscriber has in memory of what it did not ask for yet. */
const PAGE = 16;
const AGAIN_AFTER_MS = 500;

/** One subscriber's way through the reports, by its place alone: each report once, in their order, from log or database. */
export class ReportReplay {
  #place = 0n;
  #page: PlacedReport[] = [];
  #isOver = false;

  constructor(private readonly parts: Parts) {}

  begin(place: bigint): void {
    this.#place = place;
  }

  end(): void {
    this.#isOver = true;
    this.#page = [];
  }

  /** The next report; undefined where there is none yet. */
  next(): Report | undefined | Promise<Report | undefined> {
    const log = this.parts.log();
    if (this.#page.length === 0 && log?.reachesBackTo(this.#place) === true) return this.#step(log);
    return this.#nextOfPage();
  }

  #step(log: ReportLog): Report | undefined {
    const found = log.after(this.#place, this.parts.task);
    this.#place = found?.place ?? bigger(this.#place, log.head);
    return found?.report;
  }

  async #nextOfPage(): Promise<Report | undefined> {
    if (this.#page.length === 0) await this.#readPage();
    const found = this.#page.shift();
    if (found === undefined) return this.#isOver ? undefined : await this.next();
    this.#place = found.place;
    return found.report;
  }

  async #readPage(): Promise<void> {
    const { db, task, log } = this.parts;
    // Whatever the log has by now, the statement sees, too.
    const seen = log()?.head;
    const reports = await this.#persistently(() =>
      reportsEndedAfter(db, String(this.#place), { limit: PAGE, task: task ?? null }),
    );
    if (reports === undefined || this.#isOver) return;
    this.#page = reports.map(placed);
    if (reports.length === 0 && seen !== undefined) this.#place = bigger(this.#place, seen);
  }

  /** A database that is away for a moment costs the subscriber nothing but that moment. */
  async #persistently<T>(read: () => Promise<T>): Promise<T | undefined> {
    while (!this.#isOver) {
      try {
        return await read();
      } catch (error) {
        this.parts.onFault(error);
        await delay(AGAIN_AFTER_MS, undefined, { ref: false });
      }
    }
    return undefined;
  }
}

function bigger(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}
