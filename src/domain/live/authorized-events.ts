import type { Viewer } from '../access/viewer.js';
import type { EventStream } from './event-stream.js';
import type { LiveSession } from './live-session.js';

/**
 * Gives the events for as long as the session lets in somebody who may have them, which is asked anew after each event has
 * come. The stream ends with the session.
 */
export function authorizedEvents<T>(
  events: EventStream<T>,
  session: LiveSession,
  allow: (viewer: Viewer) => unknown,
): EventStream<T> {
  const admits = (viewer: Viewer) => viewer.kind === 'signed-in' && isAllowed(viewer, allow);
  let release: (() => void) | undefined;
  events.guard({
    admits() {
      const viewer = session.check();
      return viewer instanceof Promise ? viewer.then(admits) : admits(viewer);
    },
    closed: () => release?.(),
  });
  release = session.carry(events);
  return events;
}

function isAllowed(viewer: Viewer, allow: (viewer: Viewer) => unknown): boolean {
  try {
    allow(viewer);
    return true;
  } catch {
    return false;
  }
}
