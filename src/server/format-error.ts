import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { isDatabaseAway } from '../domain/database-away.js';
import {
  DomainError,
  type ErrorCode,
  ForbiddenError,
  UnauthenticatedError,
  UnavailableError,
} from '../domain/errors.js';
import { inputErrorText, isValueError } from './input-error-text.js';
import { OperationLimitError } from './operation-limits.js';

export interface FormatErrorOptions {
  /** Names one fault of ours in the answer and in the log. */
  newErrorId(): string;
  /** Whether misspelt names are answered with names of the schema. */
  readonly hints: boolean;
}

/**
 * What a client may read of an error, over HTTP and over the socket alike: a refusal by the rules in its own words, a
 * request that is wrong in itself without the values that were wrong, a database that is away, and for all else an id.
 */
export function formatError(
  { locations, path }: GraphQLFormattedError,
  error: unknown,
  options: FormatErrorOptions,
): GraphQLFormattedError {
  const { message, ...extensions } = publicPart(error, options);
  return { message, ...(locations && { locations }), ...(path && { path }), extensions };
}

/** What a resolver or a rule really threw, out of the wrappers that graphql-js and Apollo Server put around it. */
export function originalOf(error: unknown): unknown {
  let inner = error;
  while (inner instanceof GraphQLError && inner.originalError) inner = inner.originalError;
  return inner;
}

interface PublicPart {
  readonly message: string;
  readonly code: ErrorCode;
  readonly [extension: string]: unknown;
}

function publicPart(error: unknown, options: FormatErrorOptions): PublicPart {
  const original = originalOf(error);
  if (original instanceof DomainError) return domainPart(original);
  const inputError = asInputError(error, original);
  if (inputError) return { message: requestText(inputError, original, options), code: 'BAD_USER_INPUT' };
  const refusal = typeGraphqlRefusal(original);
  if (refusal) return domainPart(refusal);
  if (isDatabaseAway(original)) return domainPart(new UnavailableError());
  return { message: 'Internal server error', code: 'INTERNAL_SERVER_ERROR', errorId: options.newErrorId() };
}

function domainPart(error: DomainError): PublicPart {
  return { ...error.extensions, message: error.message, code: error.code };
}

/** The error of graphql-js or Apollo Server that says the request is wrong; undefined where the fault lies elsewhere. */
function asInputError(error: unknown, original: unknown): GraphQLError | undefined {
  if (!(error instanceof GraphQLError)) return undefined;
  // Without a path no field has run yet: parsing, validation, coercion of variables, choice of the operation, HTTP.
  if (!error.path) return original instanceof GraphQLError || isValueError(error) ? error : undefined;
  // Arguments are coerced field by field.
  return original instanceof GraphQLError && original.message.startsWith('Argument "') ? original : undefined;
}

function requestText(error: GraphQLError, original: unknown, { hints }: FormatErrorOptions): string {
  if (original instanceof OperationLimitError) return original.message;
  // Apollo Server's own texts about the HTTP request: fixed ones.
  if (error.extensions.code === 'BAD_REQUEST') return error.message.trim();
  return inputErrorText(error, hints);
}

/** What `@Authorized` throws: coded errors of its own, one of them under another name than the contract's. */
function typeGraphqlRefusal(original: unknown): DomainError | undefined {
  if (!(original instanceof GraphQLError)) return undefined;
  if (original.extensions.code === 'UNAUTHENTICATED') return new UnauthenticatedError();
  if (original.extensions.code === 'UNAUTHORIZED') return new ForbiddenError('This is not for you.');
  return undefined;
}
