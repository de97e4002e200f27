import type { ApolloServerPlugin, BaseContext } from '@apollo/server';
import { contextFailureCode, operationOutcome, type OperationKind } from './operation-outcome.js';

export interface OperationObserver {
  /** @param outcome OK, or the code of the first error. */
  operation(kind: OperationKind, outcome: string, seconds: number): void;
}

/** Counts every request by outcome, those too that never became an operation. */
export function operationMetrics(observer: OperationObserver): ApolloServerPlugin<BaseContext> {
  return {
    async requestDidStart() {
      const startedAt = performance.now();
      return {
        async willSendResponse(requestContext) {
          const { kind, code } = operationOutcome(requestContext);
          observer.operation(kind, code, (performance.now() - startedAt) / 1000);
        },
      };
    },
    async contextCreationDidFail({ error }) {
      observer.operation('none', contextFailureCode(error), 0);
    },
    async invalidRequestWasReceived() {
      observer.operation('none', 'BAD_USER_INPUT', 0);
    },
  };
}
