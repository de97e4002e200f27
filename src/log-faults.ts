import type { Logger } from 'pino';
import type { RunLog } from './domain/cleanup/cleanup-runner.js';
import type { IssuerLog } from './domain/issuers/issuer-log.js';
import type { JobQueueParts } from './jobs/job-queue.js';
import type { RelayParts } from './jobs/outbox-relay.js';

/** What goes wrong behind the answers, told in fixed words: one place for all that an operator may find in the log. */
export interface LogFaults {
  readonly outbox: RelayParts['onFault'];
  readonly jobs: JobQueueParts['onFault'];
  readonly runs: RunLog;
  readonly issuers: IssuerLog;
  notHeard(this: void, error: unknown): void;
  notRead(this: void, error: unknown): void;
  notSwept(this: void, error: unknown): void;
  mailNotLogged(this: void, error: unknown): void;
}

export function createLogFaults(logger: Logger): LogFaults {
  const told = (text: string) => (error: unknown) => logger.warn({ err: error }, text);
  return {
    outbox: ({ topic, error }) =>
      logger.warn(
        { topic, err: error },
        topic === undefined
          ? 'The outbox cannot be worked off at the moment.'
          : 'An outbox message could not be delivered yet.',
      ),
    jobs: ({ job, error }) =>
      logger.warn(
        { job, err: error },
        job === undefined ? 'Jobs cannot be worked off at the moment.' : 'A job failed.',
      ),
    runs: {
      detail: (line) => logger.info(line, 'cleanup'),
      fault: ({ error, ...ids }) => logger.error({ ...ids, err: error }, 'A cleanup failed on the way.'),
    },
    issuers: {
      tokensRefused: (refused) => logger.warn(refused, 'Tokens of a trusted issuer were refused.'),
      keysNotFetched: ({ error, ...about }) =>
        logger.warn(
          { ...about, ...(error !== undefined && { err: error }) },
          'The keys of a trusted issuer could not be fetched.',
        ),
    },
    notHeard: told('Nothing can be heard of other processes at the moment.'),
    notRead: told('What subscribers wait for cannot be read at the moment.'),
    mailNotLogged: told('The log of mails could not be written.'),
    notSwept: told('Runs that died could not be looked for.'),
  };
}
