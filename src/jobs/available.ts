import { JobsUnavailableError } from '../domain/errors.js';

/** The same calls, answering JobsUnavailableError while the job store is not there, or goes away under them. */
export function available<T extends object>(calls: T, isConnected: () => boolean): T {
  return new Proxy(calls, {
    get(target, name, receiver) {
      const call: unknown = Reflect.get(target, name, receiver);
      if (typeof call !== 'function') return call;
      return async (...args: unknown[]) => {
        if (!isConnected()) throw new JobsUnavailableError();
        try {
          return (await Reflect.apply(call, target, args)) as unknown;
        } catch (error) {
          throw isMongoAway(error) ? new JobsUnavailableError({ cause: error }) : error;
        }
      };
    },
  });
}

/** By name: the driver is loaded only where it is used. What goes wrong in PostgreSQL is told as elsewhere. */
function isMongoAway(error: unknown): boolean {
  return error instanceof Error && error.name.startsWith('Mongo');
}
