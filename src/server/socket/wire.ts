import { CloseCode, type Server } from 'graphql-ws';
import type { Logger } from 'pino';
import type { RawData, WebSocket } from 'ws';
import type { OpenSocket } from './open-socket.js';

interface WireParts {
  readonly protocol: Server<OpenSocket>;
  readonly logger: Logger;
}

/**
 * What a client may leave unread of answers to its own messages; the subscriptions wait for what they sent last. Whoever
 * writes and never reads is cut off.
 */
const MOST_UNREAD_BYTES = 1_048_576;
/** What the protocol throws at a message that only a server may send. */
const NOT_FROM_CLIENTS = /^Unexpected message of type/;

/** Joins a socket and the protocol, until the socket closes. */
export function wire({ protocol, logger }: WireParts, opened: OpenSocket): void {
  const { socket, whenClosed } = opened;
  const fault = (error: unknown) => {
    if (error instanceof Error && NOT_FROM_CLIENTS.test(error.message)) {
      socket.close(CloseCode.BadRequest, 'Invalid message received');
      return;
    }
    logger.error({ err: error }, 'A message over a socket could not be processed.');
    socket.close(CloseCode.InternalServerError, 'Internal server error');
  };
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      send: (text) => send(socket, text),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (receive) =>
        socket.on('message', (data) => {
          if (mayReceive(socket)) receive(textOf(data)).catch(fault);
        }),
    },
    opened,
  );
  socket.on('ping', () => void mayReceive(socket));
  // Frames that are none: ws closes by itself, and its texts are about the client's doing.
  socket.on('error', () => undefined);
  socket.once('close', (code, reason) => {
    for (const undo of whenClosed) undo();
    closed(code, String(reason)).catch(fault);
  });
}

/** Messages are read until the other side has closed, too. */
function mayReceive(socket: WebSocket): boolean {
  if (socket.bufferedAmount > MOST_UNREAD_BYTES) socket.terminate();
  return socket.readyState === socket.OPEN;
}

/** Resolves when the system has taken the message, which is when the client reads; or when the socket is gone. */
function send(socket: WebSocket, text: string): Promise<void> {
  return new Promise((resolve) => {
    if (socket.readyState === socket.OPEN) socket.send(text, () => resolve());
    else resolve();
  });
}

function textOf(data: RawData): string {
  return Array.isArray(data) ? Buffer.concat(data).toString() : Buffer.from(data as Buffer).toString();
}
