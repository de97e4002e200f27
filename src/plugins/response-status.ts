import type { ApolloServerPlugin, BaseContext } from '@apollo/server';

/** Apollo Server's codes for a well-formed HTTP request whose document, operation or variables are wrong. */
const GRAPHQL_REQUEST_ERRORS: ReadonlySet<unknown> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'BAD_USER_INPUT',
]);

/**
 * GraphQL over HTTP, §6.4.1: in application/json every answer to a well-formed request has status 200, in
 * application/graphql-response+json a request error has 400. Apollo Server answers 400 in both.
 *
 * @param isPlainJson tells which of the two an `accept` header as passed to Apollo Server means.
 */
export function responseStatus(isPlainJson: (accept: string | undefined) => boolean): ApolloServerPlugin<BaseContext> {
  return {
    async requestDidStart({ request }) {
      if (!isPlainJson(request.http?.headers.get('accept'))) return undefined;
      return {
        async willSendResponse({ errors, response }) {
          if (response.http.status === 400 && GRAPHQL_REQUEST_ERRORS.has(errors?.[0]?.extensions['code'])) {
            response.http.status = 200;
          }
        },
      };
    },
  };
}
