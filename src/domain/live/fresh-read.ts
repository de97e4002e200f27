/**
 * Makes a read that many may ask for at the same time: each gets the result of one that began after he asked, and no two
 * run at once.
 */
export class FreshRead<T> {
  #running: Promise<T> | undefined;
  #next: Promise<T> | undefined;

  constructor(private readonly read: () => Promise<T>) {}

  async get(): Promise<T> {
    if (this.#next !== undefined) return await this.#next;
    if (this.#running === undefined) return await this.#begin();
    this.#next = this.#running.then(nothing, nothing).then(() => this.#begin());
    return await this.#next;
  }

  async #begin(): Promise<T> {
    this.#next = undefined;
    const running = this.read().finally(() => {
      this.#running = undefined;
    });
    this.#running = running;
    return await running;
  }
}

function nothing(): void {}
