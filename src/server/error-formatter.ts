import { randomUUID } from 'node:crypto';
import type { GraphQLFormattedError } from 'graphql';
import type { Logger } from 'pino';
import { formatError, originalOf } from './format-error.js';

/** As Apollo Server calls it; a socket passes `error.toJSON()` first. */
export type ErrorFormatter = (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError;

/** `formatError`, with what is kept from the client written to the log once, under the id that the client got. */
export function createErrorFormatter(logger: Logger, { hints }: { hints: boolean }): ErrorFormatter {
  return (formatted, error) => {
    const answer = formatError(formatted, error, { hints, newErrorId: randomUUID });
    const { code, errorId } = answer.extensions ?? {};
    if (errorId !== undefined) {
      logger.error({ errorId, path: formatted.path?.join('.'), err: originalOf(error) }, 'An operation failed.');
    } else if (code === 'UNAVAILABLE') {
      logger.warn({ err: originalOf(error) }, 'An operation was put off.');
    }
    return answer;
  };
}
