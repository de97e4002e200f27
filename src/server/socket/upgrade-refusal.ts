import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { GRAPHQL_PATH } from '../graphql-route.js';

const REFUSALS = {
  400: ['Bad Request', 'This address takes no such upgrade.'],
  403: ['Forbidden', 'Pages of this origin may not open a socket: see PUBLIC_URL and CORS_ORIGINS.'],
  429: ['Too Many Requests', 'Too many sockets of this address wait for their first message.'],
  503: ['Service Unavailable', 'This server is being stopped.'],
} as const;

/** Whether a request asks for a socket of ours. Whatever else it would be upgraded to, it is answered as it is. */
export function isSocketRequest({ url, headers }: Pick<IncomingMessage, 'url' | 'headers'>): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket' && url?.split('?', 1)[0] === GRAPHQL_PATH;
}

/** Answers a request for a socket in plain HTTP, and hangs up. */
export function refuseUpgrade(socket: Duplex, status: keyof typeof REFUSALS): void {
  const [reason, error] = REFUSALS[status];
  const body = JSON.stringify({ error });
  const head = [
    `HTTP/1.1 ${status} ${reason}`,
    'Connection: close',
    'Content-Type: application/json; charset=utf-8',
    'Cache-Control: no-store',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.on('error', () => undefined);
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
