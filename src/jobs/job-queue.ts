import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { Agenda, type Job, type JobParameters } from 'agenda';
import type { FinishedJobs } from '../domain/cleanup/finished-jobs.js';
import type { Database } from '../domain/database.js';
import { JobsUnavailableError } from '../domain/errors.js';
import type { JobCounts, JobStore, ScheduleStore } from '../domain/jobs/job-store.js';
import type { Signals } from '../domain/signals.js';
import { available } from './available.js';
import type { JobBackend } from './job-backend.js';
import { JobChannel } from './job-channel.js';
import { REPORT_MAIL_JOB, RUN_JOB, SCHEDULE_JOB } from './job-names.js';
import type { Worker } from './worker.js';

export interface JobQueueParts {
  readonly db: Database;
  readonly signals: Signals;
  readonly backend: JobBackend;
  /** Told of a store that is away, and of jobs that fail. */
  readonly onFault: (fault: { readonly job: string | undefined; readonly error: unknown }) => void;
}

/** A job that nobody has given a sign of life of for so long is taken over. */
const LOCK_LIFETIME_MS = 60_000;
const POLL_MS = 5_000;
const RETRY_MS = [250, 500, 1_000, 2_000, 5_000, 10_000];
/** How long a start waits for the job store, before it goes on without it. */
const FIRST_CONNECT_MS = 6_000;
const LOOK_AGAIN_MS = 20;

/**
 * The jobs of this process, in whichever store there is. A store that is away, at the start or later, stops nothing else:
 * calls answer JobsUnavailableError, and connecting is tried until it works.
 */
export class JobQueue implements JobStore {
  readonly schedules: ScheduleStore;
  readonly finishedJobs: FinishedJobs;
  readonly #channel: JobChannel;
  readonly #stopped = new AbortController();
  readonly #running = new Set<Job>();
  #agenda: Agenda | undefined;
  #connecting: Promise<void> | undefined;

  constructor(private readonly parts: JobQueueParts) {
    const isConnected = () => this.#agenda !== undefined;
    this.schedules = available(parts.backend.schedules, isConnected);
    this.finishedJobs = available(parts.backend.finishedJobs, isConnected);
    this.#channel = new JobChannel(parts.db, parts.signals);
  }

  /**
   * Connects, and works if there is a worker; comes back when that is so or the store is away for longer than a start may
   * wait. `connected` is called once it is there.
   */
  async start(worker: Worker | undefined, connected: () => Promise<void>): Promise<void> {
    this.#connecting = this.#connect(worker, connected);
    await Promise.race([
      this.#connecting,
      delay(FIRST_CONNECT_MS, undefined, { signal: this.#stopped.signal, ref: false }),
    ]);
  }

  /** Gives back what is taken and not begun, waits for what is under way up to `withinMs`, and lets go of the store. */
  async stop(withinMs: number): Promise<void> {
    this.#stopped.abort();
    await this.#connecting;
    await this.#agenda?.stop(false).catch(() => undefined);
    const until = performance.now() + withinMs;
    while (this.#running.size > 0 && performance.now() < until) await delay(LOOK_AGAIN_MS);
    await this.parts.backend.close();
  }

  async identity(): Promise<string> {
    return await this.#asked((backend) => backend.identity());
  }

  async queueRun(reportId: string): Promise<void> {
    await this.#queue(RUN_JOB, { reportId });
  }

  async queueReportMail(reportId: string): Promise<void> {
    await this.#queue(REPORT_MAIL_JOB, { reportId });
  }

  async wakeWorkers(): Promise<void> {
    await this.#channel.publish({ jobName: SCHEDULE_JOB });
  }

  async counts(): Promise<JobCounts> {
    return await this.#asked((backend) => backend.counts());
  }

  async removeEnded(how: 'failed' | 'finished'): Promise<number> {
    return await this.#asked((backend) => backend.removeEnded(how));
  }

  async #asked<T>(ask: (backend: JobBackend) => Promise<T>): Promise<T> {
    return await available({ ask: () => ask(this.parts.backend) }, () => this.#agenda !== undefined).ask();
  }

  async #queue(name: string, data: object): Promise<void> {
    await this.#asked(async () => {
      await (this.#agenda as Agenda).now(name, data as never);
    });
  }

  async #connect(worker: Worker | undefined, connected: () => Promise<void>): Promise<void> {
    for (let tried = 0; !this.#stopped.signal.aborted; tried += 1) {
      try {
        await this.parts.backend.connect();
        const agenda = this.#newAgenda();
        await agenda.ready;
        this.#agenda = agenda;
        await connected();
        if (worker !== undefined) await this.#work(agenda, worker);
        return;
      } catch (error) {
        this.#agenda = undefined;
        this.parts.onFault({ job: undefined, error });
        await delay(RETRY_MS[tried] ?? RETRY_MS.at(-1), undefined, { signal: this.#stopped.signal }).catch(
          () => undefined,
        );
      }
    }
  }

  #newAgenda(): Agenda {
    const backend = this.parts.backend.agendaBackend();
    const { repository } = backend;
    const saveJobState = repository.saveJobState.bind(repository);
    // The library forgets when a job was due as it begins, and writes its own idea of the next run as it ends. A
    // schedule's next run is ours alone to set: so a run that dies is known by its due time, and an edit made meanwhile stays.
    repository.saveJobState = (job: JobParameters, options) =>
      job.name === SCHEDULE_JOB ? this.parts.backend.saveState(job) : saveJobState(job, options);
    const agenda = new Agenda({
      backend,
      name: `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`,
      processEvery: POLL_MS,
      defaultLockLifetime: LOCK_LIFETIME_MS,
      notificationChannel: this.#channel,
    });
    agenda.on('error', (error: unknown) => this.parts.onFault({ job: undefined, error }));
    return agenda;
  }

  async #work(agenda: Agenda, worker: Worker): Promise<void> {
    for (const { name, concurrency, backoff, work } of worker.jobs) {
      agenda.define(name, (job: Job) => this.#tracked(job, work), { concurrency, ...(backoff && { backoff }) });
    }
    agenda.on('start', (job: Job) => void this.#running.add(job));
    agenda.on('complete', (job: Job) => void this.#running.delete(job));
    await agenda.start();
    worker.start();
  }

  /** Signs of life while it works; whatever it throws is told here, and stored as an id. */
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
