import type { ApolloServerPlugin, BaseContext } from '@apollo/server';
import type { Logger } from 'pino';
import { codeOf, contextFailureCode, operationOutcome } from './operation-outcome.js';

const MAX_NAME_LENGTH = 64;

/** One line an operation: its name, what became of it and how long that took. No document, no variables, no address. */
export function requestLog(logger: Logger): ApolloServerPlugin<BaseContext> {
  return {
    async contextCreationDidFail({ error }) {
      logger.info({ kind: 'none', outcome: contextFailureCode(error) }, 'operation');
    },
    async requestDidStart() {
      if (!logger.isLevelEnabled('info')) return undefined;
      const startedAt = performance.now();
      return {
        async willSendResponse(requestContext) {
          const { kind, errors } = operationOutcome(requestContext);
          const errorIds = errors.flatMap(({ extensions }) => extensions?.['errorId'] ?? []);
          logger.info(
            {
              operation: requestContext.operationName?.slice(0, MAX_NAME_LENGTH),
              kind,
              outcome: errors.length === 0 ? 'OK' : errors.map(codeOf).join(','),
              ms: Math.round((performance.now() - startedAt) * 10) / 10,
              ...(errorIds.length > 0 && { errorIds }),
            },
            'operation',
          );
        },
      };
    },
  };
}
