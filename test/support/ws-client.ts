import { randomUUID } from 'node:crypto';
import WebSocket, { type ClientOptions } from 'ws';

export interface WsMessage {
  readonly type: string;
  readonly id?: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever a test looks for
  readonly payload?: any;
}

export interface WsClosing {
  readonly code: number;
  readonly reason: string;
}

/** A bare client of graphql-transport-ws, which sends what it is told to, right or wrong. */
export interface WsClient {
  readonly socket: WebSocket;
  /** Everything received so far. */
  readonly received: readonly WsMessage[];
  /** The next message that was not returned yet. */
  next(withinMs?: number): Promise<WsMessage>;
  /** The payload's data of the next message, which has to be an event. */
  event(withinMs?: number): Promise<Record<string, any>>;
  /** Fails when a message comes within this time. */
  silence(ms: number): Promise<void>;
  closed(withinMs?: number): Promise<WsClosing>;
  send(message: unknown): void;
  /** Subscribes under a new id, which it returns. */
  subscribe(query: string, variables?: Record<string, unknown>): string;
}

export interface WsOptions extends ClientOptions {
  readonly protocol?: string;
}

const WITHIN_MS = 8_000;
const opened = new Set<WebSocket>();

/** Ends every socket that was opened here. */
export function endSockets(): void {
  for (const socket of opened) socket.terminate();
  opened.clear();
}

/** Opens a socket and sends nothing. Rejects with the HTTP status where it is refused. */
export async function openWs(url: string, { protocol = 'graphql-transport-ws', ...options }: WsOptions = {}) {
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/graphql`, protocol === '' ? [] : [protocol], options);
  opened.add(socket);
  const client = clientOf(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
    socket.once('unexpected-response', (_request, response) => {
      response.resume();
      reject(new Error(`HTTP ${response.statusCode}`));
    });
  });
  return client;
}

/** Opens a socket as whoever has this token. */
export async function connectWs(url: string, token: string | undefined, options: WsOptions = {}): Promise<WsClient> {
  const client = await openWs(url, options);
  client.send({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } });
  const { type } = await client.next();
  if (type !== 'connection_ack') throw new Error(`Not acknowledged, but ${type}.`);
  return client;
}

function clientOf(socket: WebSocket): WsClient {
  const received: WsMessage[] = [];
  let taken = 0;
  let wake: (() => void) | undefined;
  let closing: WsClosing | undefined;
  socket.on('message', (data: Buffer) => {
    received.push(JSON.parse(data.toString()) as WsMessage);
    wake?.();
  });
  socket.on('close', (code, reason) => {
    closing = { code, reason: String(reason) };
    wake?.();
  });
  socket.on('error', () => undefined);
  const until = async (isSo: () => boolean, withinMs: number): Promise<boolean> => {
    const deadline = Date.now() + withinMs;
    while (!isSo() && Date.now() < deadline) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(deadline - Date.now(), 0));
        wake = () => (clearTimeout(timer), resolve());
      });
    }
    return isSo();
  };
  const next = async (withinMs = WITHIN_MS): Promise<WsMessage> => {
    await until(() => received.length > taken || closing !== undefined, withinMs);
    const message = received[taken];
    if (message === undefined) throw new Error(closing ? `Closed: ${closing.code} ${closing.reason}` : 'Nothing came.');
    taken += 1;
    return message;
  };
  const send = (message: unknown) => socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  return {
    socket,
    received,
    next,
    send,
    async event(withinMs) {
      const message = await next(withinMs);
      if (message.type !== 'next' || message.payload.errors) throw new Error(`No event: ${JSON.stringify(message)}`);
      return message.payload.data;
    },
    async silence(ms) {
      const isBroken = await until(() => received.length > taken || closing !== undefined, ms);
      if (isBroken) throw new Error(`There came ${JSON.stringify(received[taken] ?? closing)}.`);
    },
    async closed(withinMs = WITHIN_MS) {
      await until(() => closing !== undefined, withinMs);
      if (closing === undefined) throw new Error('It is open.');
      return closing;
    },
    subscribe(query, variables) {
      const id = randomUUID();
      send({ id, type: 'subscribe', payload: { query, variables } });
      return id;
    },
  };
}
