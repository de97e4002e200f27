import type { SubscribePayload } from 'graphql-ws';
import {
  type DocumentNode,
  type ExecutionArgs,
  getOperationAST,
  GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  OperationTypeNode,
  parse,
  specifiedRules,
  validate,
  type ValidationRule,
} from 'graphql';
import { BadUserInputError, type DomainError } from '../../domain/errors.js';
import { MAX_ERRORS_TOLD, parseOptions, validationRules } from '../operation-limits.js';

/** Reads what a client wants to subscribe to: what to execute, or all that is wrong with it. Nothing is executed yet. */
export type ReadSubscription = (
  payload: SubscribePayload,
) => Pick<ExecutionArgs, 'schema' | 'document' | 'variableValues' | 'operationName' | 'options'> | GraphQLError[];

/** By the rules of HTTP, and subscriptions only: a query or a mutation would run past the limits that HTTP puts on it. */
export function subscriptionReader(schema: GraphQLSchema, isProduction: boolean): ReadSubscription {
  const rules: ValidationRule[] = [
    ...specifiedRules,
    ...validationRules,
    ...(isProduction ? [NoSchemaIntrospectionCustomRule] : []),
  ];
  const validationOptions = { maxErrors: MAX_ERRORS_TOLD, hideSuggestions: isProduction };
  return ({ query, variables, operationName }) => {
    const document = parsed(query);
    if (document instanceof GraphQLError) return [document];
    const errors = validate(schema, document, rules, validationOptions);
    if (errors.length > 0) return [...errors];
    const operation = getOperationAST(document, operationName);
    if (!operation) return [operationError(operationName)];
    if (operation.operation !== OperationTypeNode.SUBSCRIPTION) return [refused(ONLY_SUBSCRIPTIONS)];
    const options = { maxCoercionErrors: MAX_ERRORS_TOLD };
    return { schema, document, variableValues: variables ?? null, operationName: operationName ?? null, options };
  };
}

const ONLY_SUBSCRIPTIONS = new BadUserInputError(
  'query',
  'Only subscriptions run over this socket: send queries and mutations by POST.',
);

/** For the error formatter, which tells a refusal by what was thrown. */
export function refused(originalError: DomainError): GraphQLError {
  return new GraphQLError('', { originalError });
}

function parsed(query: string): DocumentNode | GraphQLError {
  try {
    return parse(query, parseOptions);
  } catch (error) {
    if (error instanceof GraphQLError) return error;
    throw error;
  }
}

/** As graphql-js says it when it executes. */
function operationError(operationName: string | null | undefined): GraphQLError {
  return new GraphQLError(
    typeof operationName === 'string'
      ? `Unknown operation named "${operationName}".`
      : 'Must provide operation name if query contains multiple operations.',
  );
}
