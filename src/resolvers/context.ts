import type { Origin, Viewer } from '../domain/access/viewer.js';
import type { Services } from '../domain/services.js';
import type { Loaders } from './loaders.js';

/** What every resolver gets: the rules, who asks, and from where. One for each request. */
export interface Context {
  readonly services: Services;
  viewer: Viewer;
  readonly origin: Origin;
  readonly loaders: Loaders;
}
