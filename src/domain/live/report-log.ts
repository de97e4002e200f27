import type { Report } from '../cleanup/report.js';
import type { TaskName } from '../cleanup/registry.js';

/** A report with its place in the order in which runs ended. */
export interface PlacedReport {
  readonly place: bigint;
  readonly report: Report;
}

/** As far back as a slow subscriber can be without asking the database. */
const LENGTH = 64;

export function placed(report: Report): PlacedReport {
  return { place: BigInt(report.cursor ?? 0), report };
}

/** The reports that this process read last, once for all of its subscribers. */
export class ReportLog {
  readonly #latest: PlacedReport[] = [];
  #floor: bigint;
  #head: bigint;

  /** @param start every report behind this place is going to be added, in their order. */
  constructor(start: bigint) {
    this.#floor = start;
    this.#head = start;
  }

  /** The place up to which everything was added. */
  get head(): bigint {
    return this.#head;
  }

  add(report: Report): void {
    const last = placed(report);
    this.#head = last.place;
    this.#latest.push(last);
    if (this.#latest.length <= LENGTH) return;
    this.#floor = this.#latest.shift()?.place ?? this.#floor;
  }

  /** Whether it holds all that was added behind this place. */
  reachesBackTo(place: bigint): boolean {
    return place >= this.#floor;
  }

  /** The first report behind a place to which it reaches back. */
  after(place: bigint, task: TaskName | undefined): PlacedReport | undefined {
    // Most subscribers are at the end of it.
    if (place >= this.#head) return undefined;
    return this.#latest.find((each) => each.place > place && (task === undefined || each.report.task === task));
  }
}
