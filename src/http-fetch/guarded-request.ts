import { lookup } from 'node:dns';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import type { FetchFailure } from '../domain/issuers/fetch-json.js';
import { isLoopbackAddress, isPublicAddress } from './reachable-address.js';

/** Where requests may go besides the public internet, by https. */
export interface Reach {
  /** To this machine, by http too. */
  readonly allowLoopback: boolean;
}

/** What ended a request that nothing is wrong with otherwise. */
export class FetchRefusedError extends Error {
  override readonly name = 'FetchRefusedError';
  constructor(
    readonly failure: FetchFailure,
    message: string,
  ) {
    super(message);
  }
}

const CONNECT_WITHIN_MS = 5_000;
const HEADERS = { accept: 'application/json, application/jwk-set+json', 'accept-encoding': 'identity' };
// Of their own: the shared agents may be told of a proxy by the environment, and a proxy would choose the address.
const AGENTS = { http: new http.Agent({ keepAlive: false }), https: new https.Agent({ keepAlive: false }) };

/**
 * Sends a GET request and returns the answer's head. The address is checked where the name is resolved, and once more on
 * the socket that connected, so that a name cannot lead elsewhere between the two.
 * @throws FetchRefusedError, or what the network says
 */
export async function guardedRequest(url: URL, reach: Reach, ending: AbortSignal): Promise<IncomingMessage> {
  const isAllowed = addressRule(url, reach);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) !== 0 && !isAllowed(host)) throw notAllowed();
  const isPlain = url.protocol === 'http:';
  const answer = Promise.withResolvers<IncomingMessage>();
  const request = (isPlain ? http : https).request(url, {
    agent: isPlain ? AGENTS.http : AGENTS.https,
    headers: HEADERS,
    lookup: allowedOnly(isAllowed),
    signal: ending,
    ...(isPlain ? {} : { rejectUnauthorized: true }),
  });
  const late = setTimeout(() => {
    request.destroy(new FetchRefusedError('TOO_SLOW', `No connection within ${CONNECT_WITHIN_MS} ms.`));
  }, CONNECT_WITHIN_MS);
  request.once('socket', (socket: Socket) => {
    socket.once('connect', () => {
      if (!isAllowed(socket.remoteAddress ?? '')) request.destroy(notAllowed());
    });
    socket.once(isPlain ? 'connect' : 'secureConnect', () => clearTimeout(late));
  });
  request.once('response', answer.resolve).on('error', answer.reject);
  request.once('close', () => clearTimeout(late));
  request.end();
  return await answer.promise;
}

type AddressRule = (address: string) => boolean;

/** @throws FetchRefusedError for a scheme that is none of ours */
function addressRule({ protocol }: URL, { allowLoopback }: Reach): AddressRule {
  if (protocol === 'https:')
    return (address) => isPublicAddress(address) || (allowLoopback && isLoopbackAddress(address));
  if (protocol === 'http:' && allowLoopback) return isLoopbackAddress;
  throw notAllowed();
}

function allowedOnly(isAllowed: AddressRule): LookupFunction {
  return (host, { all: wantsAll, ...options }, found) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return found(error, []);
      const [first, ...others] = addresses.filter(({ address }) => isAllowed(address));
      if (first === undefined) return found(notAllowed(), []);
      if (wantsAll === true) found(null, [first, ...others]);
      else found(null, first.address, first.family);
    });
  };
}

function notAllowed(): FetchRefusedError {
  return new FetchRefusedError('NOT_ALLOWED', 'The address is not on the public internet, or not https.');
}
