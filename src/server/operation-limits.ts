import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth';
import { GraphQLError, type ParseOptions, type ValidationContext, type ValidationRule } from 'graphql';
import { costRule } from './cost-rule.js';

/** How large one operation may be, whichever way it comes in. */
export const OPERATION_LIMITS = { depth: 10, aliases: 15, tokens: 1000, cost: 5000, bodyBytes: 100_000 } as const;

/** An operation that is too large. Its message is ours and holds nothing of the document. */
export class OperationLimitError extends GraphQLError {}

/** For the parser: the one limit that has to hold before there is a document. */
export const parseOptions: ParseOptions = { maxTokens: OPERATION_LIMITS.tokens };

/** A document with everything wrong in it is told the first few of its errors: telling all of them is work for nothing. */
export const MAX_ERRORS_TOLD = 20;

/**
 * Depth, aliases and cost, to be added to the specified rules for HTTP and socket alike. Fragments are looked through, so
 * that a client composed of fragments pays no more than one written out. Introspection's own fields are left out of depth
 * and cost; where it is off, another rule refuses it.
 */
export const validationRules: ValidationRule[] = [
  maxDepthRule({
    n: OPERATION_LIMITS.depth,
    flattenFragments: true,
    ...reportedAs(`This operation is too deep: ${OPERATION_LIMITS.depth} levels are allowed.`),
  }),
  maxAliasesRule({
    n: OPERATION_LIMITS.aliases,
    ...reportedAs(`This operation has too many aliases: ${OPERATION_LIMITS.aliases} are allowed.`),
  }),
  // One whole page of 100 entries with all of their fields fits in, a page of pages does not.
  costRule({
    maxCost: OPERATION_LIMITS.cost,
    refuse: refusal(`This operation asks for too much at once: its cost may be ${OPERATION_LIMITS.cost} at most.`),
  }),
].map(
  (rule): ValidationRule =>
    (context) =>
      rule(context),
);

/** Armor's rules throw by default, out of graphql-js' `validate`, which the caller would see as a fault of ours. */
function reportedAs(message: string) {
  return { ignoreIntrospection: true, propagateOnRejection: false, onReject: [refusal(message)] };
}

function refusal(message: string) {
  return (context: ValidationContext | null) => context?.reportError(new OperationLimitError(message));
}
