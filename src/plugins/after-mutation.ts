import type { ApolloServerPlugin, BaseContext } from '@apollo/server';

/** Calls back once a mutation's answer is on its way: what its transactions left in the outbox can be delivered now. */
export function afterMutation(call: () => void): ApolloServerPlugin<BaseContext> {
  return {
    async requestDidStart() {
      return {
        async willSendResponse({ operation }) {
          if (operation?.operation === 'mutation') call();
        },
      };
    },
  };
}
