import type { Origin, Viewer } from '../domain/access/viewer.js';
import type { LiveSession } from '../domain/live/live-session.js';
import type { Services } from '../domain/services.js';
import type { Loaders } from './loaders.js';
import type { SessionCookie } from './session-cookie.js';

/** What every resolver gets: the rules, who asks, and from where. One for each request, and for each subscription. */
export interface Context {
  readonly services: Services;
  viewer: Viewer;
  readonly origin: Origin;
  readonly loaders: Loaders;
  /** Of a request: its cookie, where it asks for one. @throws BadUserInputError, ForbiddenError */
  sessionCookie?(): SessionCookie | undefined;
  /** Of a subscription: the session of its socket, which the viewer follows. */
  readonly session?: LiveSession;
}
