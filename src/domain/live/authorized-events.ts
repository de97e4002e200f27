import type { Viewer } from '../access/viewer.js';
import type { EventStream } from './event-stream.js';
import type { LiveSession } from './live-session.js';

/**
 * Passes on the events for as long as the session lets in somebody who may have them: whoever asks is checked once more
 * after each event has come. It ends with the session, and the session's socket is closed by whoever opened it.
 */
export function authorizedEvents<T>(
  events: EventStream<T>,
  session: LiveSession,
  allow: (viewer: Viewer) => unknown,
): AsyncIterableIterator<T, undefined> {
  const release = session.carry(events);
  const end = async (): Promise<IteratorReturnResult<undefined>> => {
    release();
    events.close();
    return { value: undefined, done: true };
  };
  return {
    async next() {
      const next = await events.next();
      if (next.done === true) return await end();
      const viewer = await session.check();
      return viewer.kind === 'signed-in' && isAllowed(viewer, allow) ? next : await end();
    },
    return: end,
    async throw(error: unknown) {
      await end();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function isAllowed(viewer: Viewer, allow: (viewer: Viewer) => unknown): boolean {
  try {
    allow(viewer);
    return true;
  } catch {
    return false;
  }
}
