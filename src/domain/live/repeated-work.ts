import { setTimeout as delay } from 'node:timers/promises';

interface Work {
  /** Does all that is due. What it throws is told, and it is called again a little later. */
  run(): Promise<void>;
  /** Whether it is still worth it. */
  isWanted(): boolean;
  onFault(error: unknown): void;
}

const AGAIN_AFTER_MS = 500;

/** Work that is asked for again and again: never twice at once, and once more for whatever was asked while it ran. */
export class RepeatedWork {
  #isDue = false;
  #isRunning = false;

  /** @param gatherMs how long it waits for more to do before it begins. */
  constructor(
    private readonly work: Work,
    private readonly gatherMs = 0,
  ) {}

  ask(): void {
    this.#isDue = true;
    if (!this.#isRunning) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#isDue && this.work.isWanted()) {
      if (this.gatherMs > 0) await delay(this.gatherMs, undefined, { ref: false });
      this.#isDue = false;
      try {
        await this.work.run();
      } catch (error) {
        this.work.onFault(error);
        this.#isDue = true;
        await delay(AGAIN_AFTER_MS, undefined, { ref: false });
      }
    }
    this.#isRunning = false;
  }
}
