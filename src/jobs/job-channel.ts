import { BaseNotificationChannel, type JobNotification } from 'agenda';
import type { Database } from '../domain/database.js';
import { signal, type Signals } from '../domain/signals.js';

/**
 * Wakes workers of every process at once, for either job store, over our own signals: the library's channels keep a
 * connection more, and end the process when it breaks. What is lost is found at the next poll.
 */
export class JobChannel extends BaseNotificationChannel {
  #off: (() => void) | undefined;

  constructor(
    private readonly db: Database,
    private readonly signals: Signals,
  ) {
    super();
    this.setState('connected');
  }

  connect(): Promise<void> {
    this.#off ??= this.signals.on('sparekey_job_queued', (jobName) => {
      void this.notifyHandlers({ jobName, nextRunAt: null } as JobNotification);
    });
    return Promise.resolve();
  }

  disconnect(): Promise<void> {
    this.#off?.();
    this.#off = undefined;
    return Promise.resolve();
  }

  async publish({ jobName }: Pick<JobNotification, 'jobName'>): Promise<void> {
    await signal(this.db, 'sparekey_job_queued', [jobName]);
  }
}
