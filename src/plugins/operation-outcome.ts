import type { BaseContext, GraphQLRequestContextWillSendResponse } from '@apollo/server';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';

export type OperationKind = 'query' | 'mutation' | 'subscription' | 'none';

/** What is known of an operation once its answer is ready. */
export interface OperationOutcome {
  /** `none` where there is no valid operation. */
  readonly kind: OperationKind;
  /** OK, or the code of the first error. */
  readonly code: string;
  readonly errors: readonly GraphQLFormattedError[];
}

const NO_ERRORS: readonly GraphQLFormattedError[] = [];

export function operationOutcome({
  operation,
  response,
}: GraphQLRequestContextWillSendResponse<BaseContext>): OperationOutcome {
  const { body } = response;
  const errors = (body.kind === 'single' ? body.singleResult : body.initialResult).errors ?? NO_ERRORS;
  return { kind: operation?.operation ?? 'none', code: codeOf(errors[0]), errors };
}

/** `extensions.code` as our own formatter set it; OK where there is no error. */
export function codeOf(error: GraphQLFormattedError | undefined): string {
  return error === undefined ? 'OK' : String(error.extensions?.['code']);
}

/** A request that nobody could be found for has no operation either. */
export function contextFailureCode(error: Error): string {
  const code = error instanceof GraphQLError ? error.extensions['code'] : undefined;
  return typeof code === 'string' ? code : 'INTERNAL_SERVER_ERROR';
}
