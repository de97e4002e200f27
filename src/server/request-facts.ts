import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ClientAddress } from './client-address.js';

/** What a request tells about its sender, for whoever makes the context of an operation. */
export interface RequestFacts {
  readonly authorization: string | undefined;
  /** The client's IP address by the rule of TRUST_PROXY; undefined where there is none, as on a Unix socket. */
  readonly address: string | undefined;
  /** The header as sent: to be recognised, not to be stored. */
  readonly userAgent: string | undefined;
  /** @param name in lower case. */
  header(name: string): string | undefined;
  /** As often as it was sent, where one line stands for several otherwise. @param name in lower case. */
  headers(name: string): readonly string[];
  /** Adds a header to the answer. */
  setHeader(name: string, value: string): void;
}

/** Reads lazily: most operations ask for little of it. */
export function requestFacts(request: FastifyRequest, reply: FastifyReply, clientAddress: ClientAddress): RequestFacts {
  const header = (name: string) => headerText(request.headers[name]);
  return {
    get authorization() {
      return header('authorization');
    },
    get address() {
      return clientAddress(request.raw.socket.remoteAddress, header('x-forwarded-for'));
    },
    get userAgent() {
      return header('user-agent');
    },
    header,
    headers: (name) => request.raw.headersDistinct[name] ?? [],
    setHeader: (name, value) => void reply.header(name, value),
  };
}

export function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}
