import { makeServer, type Server, type SubscribePayload } from 'graphql-ws';
import type { ExecutionResult, GraphQLError, GraphQLFormattedError, GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import { ForbiddenError, UnauthenticatedError } from '../../domain/errors.js';
import type { LiveSession } from '../../domain/live/live-session.js';
import type { ErrorFormatter } from '../error-formatter.js';
import type { RequestFacts } from '../request-facts.js';
import { initialisation } from './initialisation.js';
import type { OpenSocket, SocketContext } from './open-socket.js';
import { type SharedArgs, SharedResults } from './shared-results.js';
import { Slots } from './slots.js';
import { refused, subscriptionReader } from './subscription-request.js';

export interface SubscriptionParts {
  readonly schema: GraphQLSchema;
  readonly logger: Logger;
  readonly formatError: ErrorFormatter;
  readonly isProduction: boolean;
  readonly maxSubscriptionsPerSocket: number;
  readonly maxSocketsPerAccount: number;
  /** Follows the session of an access token; undefined for a token that lets nobody in. */
  enter(token: string, onEnd: () => void, facts: RequestFacts): Promise<LiveSession | undefined>;
  /** Called once for each subscription. */
  newContext(session: LiveSession, facts: RequestFacts): unknown;
}

const INITIALISED_WITHIN_MS = 3_000;

/** graphql-transport-ws for subscriptions alone, with what a client reads of errors formatted as over HTTP. */
export function subscriptionProtocol(parts: SubscriptionParts): Server<OpenSocket> {
  const read = subscriptionReader(parts.schema, parts.isProduction);
  const format = (error: GraphQLError) => parts.formatError(error.toJSON(), error);
  const results = new SharedResults();
  const accountSlots = new Slots(parts.maxSocketsPerAccount);
  const enter: SubscriptionParts['enter'] = (...socket) => parts.enter(...socket);
  return makeServer<Record<string, unknown> | undefined, OpenSocket>({
    connectionInitWaitTimeout: INITIALISED_WITHIN_MS,
    onConnect: initialisation({ logger: parts.logger, accountSlots, enter }),
    onSubscribe(context, _id, payload) {
      const refusal = refusalOf(context, parts.maxSubscriptionsPerSocket);
      if (refusal !== undefined) return [refused(refusal)];
      const args = read(payload);
      return Array.isArray(args) ? args : { ...args, sharedAs: questionOf(context, payload) };
    },
    subscribe: (args) => results.subscribe(args as SharedArgs),
    // A session that ended while this was read carries nothing: what is opened with it is closed at once.
    context: ({ extra: { session, facts } }) => session && parts.newContext(session, facts),
    onNext: (...[, , , , result]) => formatted(result, format),
    onError: (...[, , , errors]) => errors.map(format),
  });
}

function refusalOf({ extra: { session }, subscriptions }: SocketContext, most: number) {
  if (session?.viewer.kind !== 'signed-in') return new UnauthenticatedError();
  // Those known to the protocol, this one among them, or those that run: one whose name was taken again is unknown to it.
  const others = Math.max(Object.keys(subscriptions).length - 1, session.streams);
  if (others < most) return undefined;
  return new ForbiddenError(`This socket carries ${most} subscriptions already: complete one first, or open another.`);
}

/** The same for those that are told the same of an event: what is asked, by whom, down to the session. */
function questionOf(
  { extra: { session } }: SocketContext,
  { query, operationName, variables }: SubscribePayload,
): string {
  const viewer = session?.viewer;
  const asker = viewer?.kind === 'signed-in' ? [viewer.sessionId, viewer.role] : [];
  return JSON.stringify([...asker, query, operationName, variables]);
}

function formatted(
  result: ExecutionResult,
  format: (error: GraphQLError) => GraphQLFormattedError,
): { data?: ExecutionResult['data']; errors: readonly GraphQLFormattedError[] } | undefined {
  return result.errors && { ...result, errors: result.errors.map(format) };
}
