import { once } from 'node:events';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Channel, Signals } from '../domain/signals.js';

export interface SignalListenerOptions {
  readonly url: string;
  readonly channels: readonly Channel[];
  /** Told of a line that was lost or cannot be opened, and of a listener that threw. */
  readonly onFault: (error: unknown) => void;
}

const CONNECT_WITHIN_MS = 5_000;
const ALIVE_EVERY_MS = 2_000;
const ALIVE_WITHIN_MS = 2_000;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;
const END_WITHIN_MS = 1_000;

/**
 * Hears by LISTEN on a connection of its own, and opens another whenever that is lost, for ever. A line that is dead
 * without a word is noticed within four seconds.
 */
export class SignalListener implements Signals {
  readonly #listeners = new Map<string, Set<(payload: string) => void>>();
  readonly #gapListeners = new Set<() => void>();
  #client: pg.Client | undefined;
  #isUp = false;
  #isStopped = true;
  #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(private readonly options: SignalListenerOptions) {}

  get isUp(): boolean {
    return this.#isUp;
  }

  on(channel: Channel, heard: (payload: string) => void): () => void {
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(heard));
    return () => void listeners.delete(heard);
  }

  onGap(missed: () => void): () => void {
    this.#gapListeners.add(missed);
    return () => void this.#gapListeners.delete(missed);
  }

  /** Returns when it hears, or when the first attempt to has failed and others will follow. */
  async start(): Promise<void> {
    this.#isStopped = false;
    this.#stopping = new AbortController();
    const first = Promise.withResolvers<void>();
    this.#running = this.#run(first.resolve);
    await first.promise;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stopping.abort();
    if (this.#client !== undefined) await end(this.#client);
    await this.#running;
  }

  async #run(firstTried: () => void): Promise<void> {
    let waitMs = FIRST_WAIT_MS;
    for (let isFirst = true; !this.#isStopped; isFirst = false) {
      const client = this.#newClient();
      try {
        await this.#listen(client);
        waitMs = FIRST_WAIT_MS;
        // Before it counts as up: whoever trusts what is heard has let go of what he knew by then.
        if (!isFirst) this.#callEach(this.#gapListeners, undefined);
        this.#isUp = true;
        firstTried();
        await this.#whileAlive(client);
      } catch (error) {
        if (!this.#isStopped) this.options.onFault(error);
      }
      this.#isUp = false;
      firstTried();
      await end(client);
      await pauseUnless(this.#stopping.signal, waitMs);
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    }
  }

  #newClient(): pg.Client {
    const client = new pg.Client({
      connectionString: this.options.url,
      application_name: 'sparekey-listener',
      connectionTimeoutMillis: CONNECT_WITHIN_MS,
      keepAlive: true,
    });
    // What is wrong with the line, its next statement says.
    client.on('error', () => undefined);
    client.on('notification', ({ channel, payload = '' }) => {
      this.#callEach(this.#listeners.get(channel) ?? [], payload);
    });
    this.#client = client;
    return client;
  }

  async #listen(client: pg.Client): Promise<void> {
    // An attempt that is ended from this side is told by this event only.
    const ended = once(client, 'end').then(() => Promise.reject(new Error('Connection terminated')));
    await Promise.race([client.connect(), ended]);
    await answered(client.query(this.options.channels.map((channel) => `listen ${channel}`).join('; ')));
  }

  /** Stopping ends the line, too. @throws what ended it. */
  async #whileAlive(client: pg.Client): Promise<void> {
    const lost = new AbortController();
    client.once('end', () => {
      this.#isUp = false;
      lost.abort();
    });
    while (!this.#isStopped) {
      await pauseUnless(lost.signal, ALIVE_EVERY_MS);
      if (!this.#isStopped) await answered(client.query('select 1 as alive'));
    }
  }

  /** None of them can keep the others from hearing. */
  #callEach<T>(listeners: Iterable<(value: T) => void>, value: T): void {
    for (const listener of listeners) {
      try {
        listener(value);
      } catch (error) {
        this.options.onFault(error);
      }
    }
  }
}

async function pauseUnless(signal: AbortSignal, ms: number): Promise<void> {
  await delay(ms, undefined, { signal, ref: false }).catch(() => undefined);
}

/** @throws where there is no answer in time. One that has come while this process was busy counts. */
async function answered(answer: Promise<unknown>): Promise<void> {
  const late = new AbortController();
  const silence = async () => {
    await delay(ALIVE_WITHIN_MS, undefined, { signal: late.signal, ref: false });
    await nextTurn();
    throw new Error('The line does not answer.');
  };
  await Promise.race([answer, silence()]).finally(() => late.abort());
}

/** Says goodbye, and hangs up on whoever does not answer. */
async function end(client: pg.Client): Promise<void> {
  const goodbye = client.end().catch(() => undefined);
  await Promise.race([goodbye, delay(END_WITHIN_MS, undefined, { ref: false })]);
  client.connection.stream.destroy();
}
