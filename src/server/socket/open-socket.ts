import type { Context as ProtocolContext } from 'graphql-ws';
import type { WebSocket } from 'ws';
import type { LiveSession } from '../../domain/live/live-session.js';
import type { RequestFacts } from '../request-facts.js';

/** One socket, from its opening on. */
export interface OpenSocket {
  readonly socket: WebSocket;
  readonly facts: RequestFacts;
  /** Once it was initialised. */
  session: LiveSession | undefined;
  /** What is to be done when the socket has closed, such as giving back the places that it took. */
  readonly whenClosed: (() => void)[];
  /** Gives back the place of a socket that is not initialised. */
  readonly initialised: () => void;
}

/** What graphql-ws hands to its hooks. */
export type SocketContext = ProtocolContext<Record<string, unknown> | undefined, OpenSocket>;
