import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { Agenda, type JobParameters } from 'agenda';
import type { FinishedJobs } from '../domain/cleanup/finished-jobs.js';
import type { Database } from '../domain/database.js';
import type { CodeMailId, JobCounts, JobStore, ScheduleStore } from '../domain/jobs/job-store.js';
import { signal, type Signals } from '../domain/signals.js';
import { available } from './available.js';
import type { JobBackend } from './job-backend.js';
import { JobLoop } from './job-loop.js';
import { CODE_MAIL_JOB, REMINDERS_JOB, REPORT_MAIL_JOB, ROTATE_KEYS_JOB, RUN_JOB, SCHEDULE_JOB } from './job-names.js';
import type { Worker } from './worker.js';

export interface JobQueueParts {
  readonly db: Database;
  readonly signals: Signals;
  readonly backend: JobBackend;
  /** Told of a store that is away, and of jobs that fail. */
  readonly onFault: (fault: { readonly job: string | undefined; readonly error: unknown }) => void;
}

const RETRY_MS = [250, 500, 1_000, 2_000, 5_000, 10_000];
/** How long a start waits for the job store, before it goes on without it. */
const FIRST_CONNECT_MS = 6_000;

/**
 * The jobs of this process, in whichever store there is. A store that is away, at the start or later, stops nothing else:
 * calls answer JobsUnavailableError, and connecting is tried until it works.
 */
export class JobQueue implements JobStore {
  readonly schedules: ScheduleStore;
  readonly finishedJobs: FinishedJobs;
  /** The parts' backend, for somebody who waits. */
  readonly #backend: Pick<JobBackend, 'identity' | 'isRunQueued' | 'counts' | 'removeEnded'>;
  readonly #library: { now(name: string, data: object): Promise<unknown> };
  readonly #stopped = new AbortController();
  #agenda: Agenda | undefined;
  #loop: JobLoop | undefined;
  #connecting: Promise<void> | undefined;

  constructor(private readonly parts: JobQueueParts) {
    const { schedules, finishedJobs, answersWithinMs } = parts.backend;
    const isConnected = () => this.#agenda !== undefined;
    const store = { isConnected, answersWithinMs };
    this.schedules = available(schedules, store);
    this.#backend = available(parts.backend, store);
    this.#library = available({ now: async (name, data) => await this.#agenda?.now(name, data as never) }, store);
    // Runs use it, and nobody waits for a chunk.
    this.finishedJobs = available(finishedJobs, { isConnected, answersWithinMs: undefined });
    parts.signals.on('sparekey_job_queued', () => this.#loop?.wake());
  }

  /**
   * Connects, and works if there is a worker; comes back when that is so or the store is away for longer than a start may
   * wait. `connected` is called once it is there.
   */
  async start(worker: Worker | undefined, connected: () => Promise<void>): Promise<void> {
    this.#connecting = this.#connect(worker, connected);
    await this.#connectedWithin(FIRST_CONNECT_MS);
  }

  /** Takes no more jobs, waits for what is under way up to `withinMs`, and lets go of the store. */
  async stop(withinMs: number): Promise<void> {
    this.#stopped.abort();
    await this.#connectedWithin(withinMs);
    await this.#loop?.stop(withinMs);
    await this.parts.backend.close();
  }

  async identity(): Promise<string> {
    return await this.#backend.identity();
  }

  async queueRun(reportId: string): Promise<void> {
    await this.#queue(RUN_JOB, { reportId });
  }

  async isRunQueued(reportId: string): Promise<boolean> {
    return await this.#backend.isRunQueued(reportId);
  }

  async queueReportMail(reportId: string): Promise<void> {
    await this.#queue(REPORT_MAIL_JOB, { reportId });
  }

  async queueCodeMail({ batchId, mailId }: CodeMailId): Promise<void> {
    await this.#queue(CODE_MAIL_JOB, { batchId, mailId });
  }

  async wakeWorkers(): Promise<void> {
    await signal(this.parts.db, 'sparekey_job_queued', [SCHEDULE_JOB]);
  }

  async counts(): Promise<JobCounts> {
    return await this.#backend.counts();
  }

  async removeEnded(how: 'failed' | 'finished'): Promise<number> {
    return await this.#backend.removeEnded(how);
  }

  async #queue(name: string, data: object): Promise<void> {
    await this.#library.now(name, data);
    await signal(this.parts.db, 'sparekey_job_queued', [name]);
  }

  async #connectedWithin(ms: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, ms);
    await Promise.race([this.#connecting, late.promise]);
    clearTimeout(timer);
  }

  async #connect(worker: Worker | undefined, connected: () => Promise<void>): Promise<void> {
    for (let tried = 0; !this.#stopped.signal.aborted; tried += 1) {
      try {
        await this.parts.backend.connect();
        this.#agenda = await this.#newAgenda();
        for (const name of [REMINDERS_JOB, ROTATE_KEYS_JOB]) await this.parts.backend.ensureDaily(name);
        await connected();
        if (worker !== undefined) this.#work(this.#agenda, worker);
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

  async #newAgenda(): Promise<Agenda> {
    const backend = this.parts.backend.agendaBackend();
    const { repository } = backend;
    const saveJobState = repository.saveJobState.bind(repository);
    // The library forgets when a job was due as it begins, and writes its own idea of the next run as it ends. A
    // schedule's next run is ours alone to set: so a run that dies is known by its due time, and an edit made meanwhile stays.
    repository.saveJobState = (job: JobParameters, options) =>
      job.name === SCHEDULE_JOB ? this.parts.backend.saveState(job) : saveJobState(job, options);
    // Where it connects by itself, a failure ends the process.
    await backend.connect();
    backend.connect = () => Promise.resolve();
    const agenda = new Agenda({ backend, name: `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}` });
    agenda.on('error', (error: unknown) => this.parts.onFault({ job: undefined, error }));
    await agenda.ready;
    return agenda;
  }

  #work(agenda: Agenda, worker: Worker): void {
    this.#loop = new JobLoop({ agenda, jobs: worker.jobs, onFault: this.parts.onFault });
    // Not where it was stopped meanwhile.
    if (this.#stopped.signal.aborted) return;
    this.#loop.start();
    worker.start();
  }
}
