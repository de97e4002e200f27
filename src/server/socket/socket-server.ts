import type { IncomingMessage, Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Duplex } from 'node:stream';
import { GRAPHQL_TRANSPORT_WS_PROTOCOL } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { networkOf } from '../../domain/access/network.js';
import type { ClientAddress } from '../client-address.js';
import type { Metrics } from '../metrics.js';
import type { OpenSocket } from './open-socket.js';
import { Slots } from './slots.js';
import { socketFacts } from './socket-facts.js';
import { type SubscriptionParts, subscriptionProtocol } from './subscription-protocol.js';
import { isSocketRequest, refuseUpgrade } from './upgrade-refusal.js';
import { wire } from './wire.js';

export interface SocketServerParts extends SubscriptionParts {
  readonly metrics: Metrics;
  readonly clientAddress: ClientAddress;
  /** Whose pages may open sockets. */
  readonly isAllowedOrigin: (origin: string) => boolean;
}

const MOST_UNINITIALISED_PER_ADDRESS = 20;
const PING_EVERY_MS = 12_000;
/** For the other side to say goodbye, too. */
const CLOSE_WITHIN_MS = 1_000;
const OPTIONS = { noServer: true, maxPayload: 65_536, perMessageDeflate: false, closeTimeout: CLOSE_WITHIN_MS };
const GOING_AWAY = 1001;

/** The sockets of one HTTP server. */
export class SocketServer {
  readonly #sockets = new WebSocketServer({
    ...OPTIONS,
    handleProtocols: (names) => names.has(GRAPHQL_TRANSPORT_WS_PROTOCOL) && GRAPHQL_TRANSPORT_WS_PROTOCOL,
  });
  readonly #protocol;
  readonly #uninitialised = new Slots(MOST_UNINITIALISED_PER_ADDRESS);
  readonly #answered = new WeakSet<WebSocket>();
  #isClosing = false;
  #pings: NodeJS.Timeout | undefined;

  constructor(private readonly parts: SocketServerParts) {
    this.#protocol = subscriptionProtocol(parts);
  }

  /** Takes requests for sockets from here on. */
  attach(server: Server): void {
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#upgrade(request, socket, head);
    });
    this.#pings = setInterval(() => this.#ping(), PING_EVERY_MS).unref();
  }

  /** Takes no more, tells every client that the server goes away, and lets go of those that do not answer. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#pings);
    const closed = [...this.#sockets.clients].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    for (const socket of this.#sockets.clients) socket.close(GOING_AWAY, 'Going away');
    await Promise.race([Promise.all(closed), delay(CLOSE_WITHIN_MS, undefined, { ref: false })]);
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#sockets.close();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!isSocketRequest(request)) return refuseUpgrade(socket, 400);
    if (this.#isClosing) return refuseUpgrade(socket, 503);
    const { origin } = request.headers;
    if (origin !== undefined && !this.parts.isAllowedOrigin(origin)) return refuseUpgrade(socket, 403);
    const facts = socketFacts(request, this.parts.clientAddress);
    const initialised = this.#uninitialised.take(networkOf(facts.address) ?? '');
    if (initialised === undefined) return refuseUpgrade(socket, 429);
    socket.once('close', initialised);
    this.#sockets.handleUpgrade(request, socket, head, (opened) => {
      this.#open({ socket: opened, facts, session: undefined, whenClosed: [], initialised });
    });
  }

  #open(opened: OpenSocket): void {
    const { socket, whenClosed } = opened;
    const { metrics, logger } = this.parts;
    metrics.socket(1);
    whenClosed.push(() => metrics.socket(-1));
    this.#answered.add(socket);
    socket.on('pong', () => this.#answered.add(socket));
    wire({ protocol: this.#protocol, logger }, opened);
  }

  /** A socket that has not answered the ping before has nobody behind it. */
  #ping(): void {
    for (const socket of this.#sockets.clients) {
      if (this.#answered.delete(socket)) socket.ping(() => undefined);
      else socket.terminate();
    }
  }
}
