import type { FastifyReply, FastifyRequest } from 'fastify';
import type { GraphQLFormattedError } from 'graphql';
import type { ErrorFormatter } from './error-formatter.js';
import { JSON_TYPE, negotiateAnswerType } from './media-type.js';

/** Requests that never get as far as GraphQL. Fixed texts: the framework's own ones echo parts of the request. */
const REFUSALS: Readonly<Record<number, string>> = {
  400: 'The body is not valid JSON.',
  405: 'This takes GET for queries, and POST.',
  406: 'The answer can be application/json or application/graphql-response+json, and neither is accepted.',
  413: 'The body is too large: 100 kB are allowed.',
  415: 'The body has to be application/json.',
};
const OTHER_REFUSAL = 'This request is not valid.';

/** A GraphQL answer, without data, under an HTTP status of its own. */
export function answerRefusal(reply: FastifyReply, request: FastifyRequest, status: number): FastifyReply {
  const message = REFUSALS[status] ?? OTHER_REFUSAL;
  return answer(reply.code(status), request, { message, extensions: { code: 'BAD_USER_INPUT' } });
}

interface Fault {
  readonly error: unknown;
  readonly request: FastifyRequest;
  readonly formatError: ErrorFormatter;
}

/** For what the framework or a handler threw: its status where the request is at fault, else 500 or 503. */
export function answerFault(reply: FastifyReply, { error, request, formatError }: Fault): FastifyReply {
  const status = statusOf(error);
  if (status < 500) return answerRefusal(reply, request, status);
  const formatted = formatError({ message: '' }, error);
  return answer(reply.code(formatted.extensions?.['code'] === 'UNAVAILABLE' ? 503 : 500), request, formatted);
}

function statusOf(error: unknown): number {
  const status: unknown = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 ? status : 500;
}

function answer(reply: FastifyReply, request: FastifyRequest, error: GraphQLFormattedError): FastifyReply {
  const type = negotiateAnswerType(request.headers.accept) ?? JSON_TYPE;
  return reply.type(`${type}; charset=utf-8`).send(JSON.stringify({ errors: [error] }));
}
