import { type ApolloServer, type BaseContext, HeaderMap, type HTTPGraphQLRequest } from '@apollo/server';
import fastifyCors from '@fastify/cors';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GraphQLError } from 'graphql';
import { isDatabaseAway } from '../domain/database-away.js';
import { BadUserInputError, UnavailableError } from '../domain/errors.js';
import type { ClientAddress } from './client-address.js';
import type { ErrorFormatter } from './error-formatter.js';
import { answerFault, answerRefusal } from './http-refusal.js';
import { type AnswerType, JSON_TYPE, negotiateAnswerType } from './media-type.js';
import type { Metrics } from './metrics.js';
import { type RequestFacts, requestFacts } from './request-facts.js';

export const GRAPHQL_PATH = '/graphql';

/** The request headers that Apollo Server looks at: content negotiation and protection against forged requests. */
const APOLLO_HEADERS = ['content-type', 'x-apollo-operation-name', 'apollo-require-preflight'];

/** What a page of another origin may send. A service key's headers are not among them: such keys stay out of browsers. */
const CORS_REQUEST_HEADERS = ['authorization', 'content-type', 'x-apollo-operation-name', 'apollo-require-preflight'];
const PREFLIGHT_SECONDS = 600;

export interface GraphqlRouteParts<C extends BaseContext> {
  readonly apollo: ApolloServer<C>;
  readonly clientAddress: ClientAddress;
  readonly corsOrigins: readonly string[];
  readonly formatError: ErrorFormatter;
  readonly metrics: Metrics;
  newContext(facts: RequestFacts): Promise<C>;
}

/** GraphQL over HTTP: POST of JSON, and GET for queries. */
export async function addGraphqlRoute<C extends BaseContext>(app: FastifyInstance, parts: GraphqlRouteParts<C>) {
  await app.register(async (scope) => {
    scope.removeContentTypeParser('text/plain');
    scope.addHook('onRequest', (_request, reply, done) => {
      reply.header('cache-control', 'no-store');
      done();
    });
    if (parts.corsOrigins.length > 0) await scope.register(fastifyCors, corsOptions(parts.corsOrigins));
    scope.setErrorHandler((error, request, reply) => {
      const answered = answerFault(reply, { error, request, formatError: parts.formatError });
      parts.metrics.operation('none', reply.statusCode < 500 ? 'BAD_USER_INPUT' : 'INTERNAL_SERVER_ERROR', 0);
      return answered;
    });
    scope.route({
      method: ['GET', 'POST'],
      url: GRAPHQL_PATH,
      exposeHeadRoute: false,
      handler: (request, reply) => handle(request, reply, parts),
    });
    addOtherMethods(scope);
  });
}

/** Refused before a body is read. With CORS, preflights have been answered by then. */
function addOtherMethods(scope: FastifyInstance): void {
  scope.route({
    method: ['DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'PUT'],
    url: GRAPHQL_PATH,
    onRequest: async (request, reply) => answerRefusal(reply.header('allow', 'GET, POST'), request, 405),
    handler: () => undefined,
  });
}

function corsOptions(origins: readonly string[]) {
  return {
    origin: [...origins],
    methods: ['GET', 'POST'],
    allowedHeaders: CORS_REQUEST_HEADERS,
    maxAge: PREFLIGHT_SECONDS,
    credentials: false,
  };
}

async function handle<C extends BaseContext>(
  request: FastifyRequest,
  reply: FastifyReply,
  parts: GraphqlRouteParts<C>,
) {
  const answerType = negotiateAnswerType(request.headers.accept);
  // Apollo Server would find that out after having executed the operation.
  if (!answerType) return answerRefusal(reply, request, 406);
  const { body, headers, status } = await parts.apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: httpGraphqlRequest(request, answerType),
    context: () => contextFor(requestFacts(request, reply, parts.clientAddress), parts),
  });
  if (body.kind !== 'complete') throw new Error('Incremental delivery is not supported.');
  for (const [name, value] of headers) reply.header(name, value);
  return reply
    .code(status ?? 200)
    .header('cache-control', 'no-store')
    .send(body.string);
}

function httpGraphqlRequest(request: FastifyRequest, answerType: AnswerType): HTTPGraphQLRequest {
  const { method, url, body } = request;
  // Without the header Apollo Server answers plain JSON, and need not negotiate once more.
  const headers = new HeaderMap(answerType === JSON_TYPE ? [] : [['accept', answerType]]);
  for (const name of APOLLO_HEADERS) {
    const value = request.headers[name];
    if (typeof value === 'string' && value !== '') headers.set(name, value);
  }
  const queryAt = url.indexOf('?');
  return { method, headers, body, search: queryAt < 0 ? '' : url.slice(queryAt) };
}

async function contextFor<C extends BaseContext>(facts: RequestFacts, parts: GraphqlRouteParts<C>): Promise<C> {
  try {
    return await parts.newContext(facts);
  } catch (error) {
    const isHeaderWrong = error instanceof BadUserInputError;
    if (!isHeaderWrong && !(error instanceof UnavailableError) && !isDatabaseAway(error)) throw error;
    const originalError = error as Error;
    const [code, status] = isHeaderWrong ? ['BAD_USER_INPUT', 400] : ['UNAVAILABLE', 503];
    throw new GraphQLError('', { originalError, extensions: { code, http: { status } } });
  }
}
