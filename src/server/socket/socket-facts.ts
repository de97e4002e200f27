import type { IncomingMessage } from 'node:http';
import type { ClientAddress } from '../client-address.js';
import { headerText, type RequestFacts } from '../request-facts.js';

/**
 * What the request for a socket tells about its sender, without the request itself, which would live as long as the socket.
 * Its credentials are left out: a socket is opened by what its first message brings, never by a cookie or header.
 */
export function socketFacts({ headers, socket }: IncomingMessage, clientAddress: ClientAddress): RequestFacts {
  return {
    authorization: undefined,
    address: clientAddress(socket.remoteAddress, headerText(headers['x-forwarded-for'])),
    userAgent: headers['user-agent'],
    header: () => undefined,
    headers: () => [],
    setHeader: () => undefined,
  };
}
