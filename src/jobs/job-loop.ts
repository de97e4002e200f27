import { type Agenda, Job } from 'agenda';
import type { JobDefinition } from './worker.js';

export interface JobLoopParts {
  /** Connected, and never started: it keeps jobs and runs one; which one, and when, is decided here. */
  readonly agenda: Agenda;
  readonly jobs: readonly JobDefinition[];
  readonly onFault: (fault: { readonly job: string | undefined; readonly error: unknown }) => void;
}

type Define = (name: string, work: (job: Job) => Promise<void>, options: Pick<JobDefinition, 'backoff'>) => void;

/** A job that nobody has given a sign of life of for so long is taken over. */
const LOCK_LIFETIME_MS = 60_000;
const POLL_MS = 1_000;

/**
 * Takes jobs that are due and runs them, no more of a kind at once than it may. The library's own processor takes ahead
 * of time and without bound, so that others wait for what it cannot do yet and edits come too late, and leaves behind
 * each job a timer that keeps the process from ending for half a minute.
 */
export class JobLoop {
  readonly #running = new Map<string, number>();
  readonly #under = new Set<Promise<void>>();
  #looking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isWoken = false;
  #isStopped = true;

  constructor(private readonly parts: JobLoopParts) {
    // The library awaits what this returns; its first signature says that it does not.
    const define: Define = parts.agenda.define.bind(parts.agenda);
    for (const { name, backoff, work } of parts.jobs) {
      define(name, (job) => this.#tracked(job, work), backoff === undefined ? {} : { backoff });
    }
  }

  start(): void {
    this.#isStopped = false;
    this.wake();
  }

  /** Looks for jobs now instead of at the next poll. */
  wake(): void {
    if (this.#isStopped) return;
    this.#isWoken = true;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
      if (this.#isWoken) this.wake();
    });
  }

  /** Takes no more, and waits for what is under way up to `withinMs`. */
  async stop(withinMs: number): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, withinMs);
    await Promise.race([late.promise, this.#ended()]);
    clearTimeout(timer);
  }

  async #ended(): Promise<void> {
    await this.#looking;
    await Promise.all(this.#under);
  }

  async #look(): Promise<void> {
    clearTimeout(this.#timer);
    while (this.#isWoken && !this.#isStopped) {
      this.#isWoken = false;
      try {
        for (const kind of this.parts.jobs) await this.#takeSome(kind);
      } catch (error) {
        this.parts.onFault({ job: undefined, error });
      }
    }
    if (!this.#isStopped) this.#timer = setTimeout(() => this.wake(), POLL_MS);
  }

  async #takeSome({ name, concurrency }: JobDefinition): Promise<void> {
    while (!this.#isStopped && (this.#running.get(name) ?? 0) < concurrency) {
      const job = await this.#take(name);
      if (job === undefined) return;
      this.#run(job);
    }
  }

  async #take(name: string): Promise<Job | undefined> {
    const { db, attrs } = this.parts.agenda;
    const now = new Date();
    const deadline = new Date(now.getTime() - LOCK_LIFETIME_MS);
    const found = await db.getNextJobToRun(name, now, deadline, now, { lastModifiedBy: attrs.name });
    if (found === undefined) return undefined;
    if (!this.#isStopped) return new Job(this.parts.agenda, found, true);
    // Stopped meanwhile: whoever works on takes it.
    if (found._id !== undefined) await db.unlockJobs([found._id]);
    return undefined;
  }

  #run(job: Job): void {
    const { name } = job.attrs;
    this.#count(name, 1);
    const run = job
      .run()
      .catch((error: unknown) => this.parts.onFault({ job: name, error }))
      .finally(() => {
        this.#count(name, -1);
        this.#under.delete(run);
        this.wake();
      });
    this.#under.add(run);
  }

  #count(name: string, more: 1 | -1): void {
    this.#running.set(name, (this.#running.get(name) ?? 0) + more);
  }

  /** Signs of life while it works; whatever it throws is told here, and stored as a fixed phrase. */
  async #tracked(job: Job, work: (job: Job) => Promise<void>): Promise<void> {
    const beat = setInterval(() => void job.touch().catch(() => undefined), LOCK_LIFETIME_MS / 4);
    try {
      await work(job);
    } catch (error) {
      this.parts.onFault({ job: job.attrs.name, error });
      throw storable(error);
    } finally {
      clearInterval(beat);
    }
  }
}

/** The job store keeps the text of what a job threw: not one that may quote something. */
function storable(error: unknown): Error {
  const isPermanent = error instanceof Error && 'isPermanent' in error && error.isPermanent === true;
  return Object.assign(new Error('It failed; the log says why.'), { isPermanent });
}
