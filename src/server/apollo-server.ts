import { ApolloServer, type ApolloServerPlugin, type BaseContext } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import { afterMutation } from '../plugins/after-mutation.js';
import { operationMetrics } from '../plugins/operation-metrics.js';
import { requestLog } from '../plugins/request-log.js';
import { responseStatus } from '../plugins/response-status.js';
import { subscriptionsElsewhere } from '../plugins/subscriptions-elsewhere.js';
import { describeError, withoutQuotes } from './describe-error.js';
import type { ErrorFormatter } from './error-formatter.js';
import { GRAPHQL_TYPE } from './media-type.js';
import type { Metrics } from './metrics.js';
import { MAX_ERRORS_TOLD, parseOptions, validationRules } from './operation-limits.js';

export interface ApolloParts {
  readonly schema: GraphQLSchema;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly formatError: ErrorFormatter;
  readonly isProduction: boolean;
  /** Called when a mutation has been answered. */
  readonly afterMutation?: () => void;
}

/** Apollo Server with everything off that we do not need, and nothing taken from the environment. Not started yet. */
export function createApollo<C extends BaseContext>(parts: ApolloParts): ApolloServer<C> {
  const { schema, formatError, isProduction } = parts;
  return new ApolloServer<C>({
    schema,
    formatError,
    parseOptions,
    validationRules,
    validationOptions: { maxErrors: MAX_ERRORS_TOLD, hideSuggestions: isProduction },
    executionOptions: { maxCoercionErrors: MAX_ERRORS_TOLD },
    introspection: !isProduction,
    hideSchemaDetailsFromClientErrors: isProduction,
    includeStacktraceInErrorResponses: false,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    persistedQueries: false,
    stopOnTerminationSignals: false,
    nodeEnv: isProduction ? 'production' : 'development',
    logger: apolloLogger(parts.logger),
    plugins: plugins(parts),
  });
}

function plugins({ logger, metrics, afterMutation: call }: ApolloParts): ApolloServerPlugin<BaseContext>[] {
  return [
    requestLog(logger),
    operationMetrics(metrics),
    responseStatus((accept) => accept !== GRAPHQL_TYPE),
    reportUnexpected(logger),
    subscriptionsElsewhere(),
    ...(call === undefined ? [] : [afterMutation(call)]),
    ApolloServerPluginCacheControlDisabled(),
    ApolloServerPluginInlineTraceDisabled(),
    ApolloServerPluginLandingPageDisabled(),
    ApolloServerPluginSchemaReportingDisabled(),
    ApolloServerPluginUsageReportingDisabled(),
  ];
}

/** A fault in a plugin or in Apollo Server itself, which the error formatter sees only as "Internal server error". */
function reportUnexpected(logger: Logger): ApolloServerPlugin<BaseContext> {
  return {
    async unexpectedErrorProcessingRequest({ error }) {
      logger.error({ fault: describeError(error) }, 'A request failed outside of its operation.');
    },
  };
}

/** Apollo Server logs texts that end in an error's message. */
function apolloLogger(logger: Logger) {
  return {
    debug: () => undefined,
    info: () => undefined,
    warn: (message: unknown) => logger.warn(withoutQuotes(String(message))),
    error: (message: unknown) => logger.error(withoutQuotes(String(message))),
  };
}
