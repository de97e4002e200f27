import { JobsUnavailableError } from '../domain/errors.js';

interface Store {
  readonly isConnected: () => boolean;
  /** Undefined: it may take its time. */
  readonly answersWithinMs: number | undefined;
}

/** The same calls, answering JobsUnavailableError while the job store is not there, or goes away or silent under them. */
export function available<T extends object>(calls: T, { isConnected, answersWithinMs }: Store): T {
  return new Proxy(calls, {
    get(target, name, receiver) {
      const call: unknown = Reflect.get(target, name, receiver);
      if (typeof call !== 'function') return call;
      return async (...args: unknown[]) => {
        if (!isConnected()) throw new JobsUnavailableError();
        try {
          const answer = Promise.resolve(Reflect.apply(call, target, args) as unknown);
          return await (answersWithinMs === undefined ? answer : within(answer, answersWithinMs));
        } catch (error) {
          throw isMongoAway(error) ? new JobsUnavailableError({ cause: error }) : error;
        }
      };
    },
  });
}

async function within<T>(answer: Promise<T>, ms: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new JobsUnavailableError()), ms);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** By name: the driver is loaded only where it is used. What goes wrong in PostgreSQL is told as elsewhere. */
function isMongoAway(error: unknown): boolean {
  return error instanceof Error && error.name.startsWith('Mongo');
}
