import type { ApolloServerPlugin, BaseContext } from '@apollo/server';
import { GraphQLError, OperationTypeNode } from 'graphql';
import { BadUserInputError } from '../domain/errors.js';

const REFUSAL = new BadUserInputError('query', 'Subscriptions run over a WebSocket (graphql-transport-ws) only.');

/** Refuses subscriptions over HTTP, which Apollo Server would execute as if they were queries. */
export function subscriptionsElsewhere(): ApolloServerPlugin<BaseContext> {
  return {
    async requestDidStart() {
      return {
        async didResolveOperation({ operation }) {
          if (operation?.operation !== OperationTypeNode.SUBSCRIPTION) return;
          const extensions = { code: REFUSAL.code, http: { status: 400 } };
          throw new GraphQLError(REFUSAL.message, { originalError: REFUSAL, extensions });
        },
      };
    },
  };
}
