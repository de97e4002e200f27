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
  const documents = new SoundDocuments(schema, isProduction);
  const options = { maxCoercionErrors: MAX_ERRORS_TOLD };
  return ({ query, variables, operationName }) => {
    const document = documents.read(query);
    if (Array.isArray(document)) return document;
    const operation = getOperationAST(document, operationName);
    if (!operation) return [operationError(operationName)];
    if (operation.operation !== OperationTypeNode.SUBSCRIPTION) return [refused(ONLY_SUBSCRIPTIONS)];
    return { schema, document, variableValues: variables ?? null, operationName: operationName ?? null, options };
  };
}

/** As many different documents as dashboards and pages have, and of a length as theirs. */
const MOST_KEPT = 64;
const LONGEST_KEPT = 4_096;

/** Parses and validates. Those that clients send again and again are kept: thousands of sockets can come back at once. */
class SoundDocuments {
  readonly #kept = new Map<string, DocumentNode>();
  readonly #rules: readonly ValidationRule[];
  readonly #options: { readonly maxErrors: number; readonly hideSuggestions: boolean };

  constructor(
    private readonly schema: GraphQLSchema,
    isProduction: boolean,
  ) {
    const forProduction = isProduction ? [NoSchemaIntrospectionCustomRule] : [];
    this.#rules = [...specifiedRules, ...validationRules, ...forProduction];
    this.#options = { maxErrors: MAX_ERRORS_TOLD, hideSuggestions: isProduction };
  }

  /** The document, or all that is wrong with it. */
  read(query: string): DocumentNode | GraphQLError[] {
    const kept = this.#kept.get(query);
    if (kept !== undefined) return kept;
    const document = parsed(query);
    if (document instanceof GraphQLError) return [document];
    const errors = validate(this.schema, document, this.#rules, this.#options);
    if (errors.length > 0) return [...errors];
    this.#keep(query, document);
    return document;
  }

  #keep(query: string, document: DocumentNode): void {
    if (query.length > LONGEST_KEPT) return;
    this.#kept.set(query, document);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }
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
