import { IANAZone } from 'luxon';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** The time zone database's names of three letters: the others that `Intl` knows are abbreviations out of Java. */
const THREE_LETTERS = new Set('CET EET EST GMT HST MET MST PRC ROC ROK UCT UTC WET'.split(' '));
const JAVA_ABBREVIATION = /^(?:[a-z]{3}|systemv\/.*)$/i;

/** Whether this is a name of the time zone database, in any case; an offset such as +02:00 is none. */
export function isTimeZone(name: string): boolean {
  if (!/^[a-z]/i.test(name)) return false;
  if (JAVA_ABBREVIATION.test(name) && !THREE_LETTERS.has(name.toUpperCase())) return false;
  return IANAZone.isValidZone(name);
}

/**
 * What the clocks of a time zone show, and when they do. A wall time is written as the instant at which UTC shows it, so
 * that calendar arithmetic on wall times meets no change of the clocks. All are milliseconds since 1970.
 */
export class WallClock {
  readonly #zone: IANAZone;

  constructor(timeZone: string) {
    this.#zone = IANAZone.create(timeZone);
  }

  wallAt(instant: number): number {
    return instant + this.#offsetAt(instant);
  }

  /**
   * When the clocks show this wall time: once, or where they are set back over it twice, in order. Where they are set
   * forward over it, it counts as that much later: 02:30 in a gap from 02:00 to 03:00 is 03:30.
   */
  instantsAt(wall: number): readonly [number, ...number[]] {
    // No zone is more than 14 hours off UTC or changes its clocks twice in three days, so these two are all there are.
    const before = wall - this.#offsetAt(wall - DAY_MS);
    const after = wall - this.#offsetAt(wall + DAY_MS);
    const shown = [...new Set([before, after])].filter((instant) => this.wallAt(instant) === wall);
    const [first = before, ...second] = shown;
    return [first, ...second];
  }

  /** The least and the greatest offset from UTC within a day of this instant; they differ only near a change. */
  offsetsAround(instant: number): { readonly least: number; readonly greatest: number } {
    const offsets = [instant - DAY_MS, instant, instant + DAY_MS].map((near) => this.#offsetAt(near));
    return { least: Math.min(...offsets), greatest: Math.max(...offsets) };
  }

  #offsetAt(instant: number): number {
    return this.#zone.offset(instant) * MINUTE_MS;
  }
}
