import { type ASTNode, type GraphQLError, Kind, print, type VariableDefinitionNode } from 'graphql';
import { argumentPath } from './argument-path.js';

const LITERAL_KINDS: ReadonlySet<string> = new Set<string>([
  Kind.VARIABLE,
  Kind.INT,
  Kind.FLOAT,
  Kind.STRING,
  Kind.BOOLEAN,
  Kind.NULL,
  Kind.ENUM,
  Kind.LIST,
  Kind.OBJECT,
]);

/** Names of a schema or a document, as graphql-js quotes them: `"Account.email"`, `"$code"`, `"[Int!]!"`. */
const QUOTED_NAME = /"[@$]?[\w.[\]!(:)]{1,100}"/g;
const SUGGESTION = / ?Did you mean .+\?$/;

/**
 * What may be told about a request that is wrong in itself. graphql-js echoes the values that it refuses, and those can be
 * passwords and codes: here they are left out, and the place where they stood is named instead.
 */
export function inputErrorText(error: GraphQLError, hints: boolean): string {
  const node = error.nodes?.[0];
  if (node?.kind === Kind.VARIABLE_DEFINITION) return variableText(error, node);
  if (isLiteral(node)) return literalText(error, node);
  if (node === undefined) return documentText(error);
  return namesOnly(hints ? error.message : error.message.replace(SUGGESTION, ''));
}

/** Whether the value of a variable or a literal is at fault, on which custom scalars may throw whatever they like. */
export function isValueError(error: GraphQLError): boolean {
  const node = error.nodes?.[0];
  return node?.kind === Kind.VARIABLE_DEFINITION || isLiteral(node);
}

function isLiteral(node: ASTNode | undefined): node is ASTNode {
  return node !== undefined && LITERAL_KINDS.has(node.kind);
}

function documentText({ message, locations }: GraphQLError): string {
  if (message.startsWith('Syntax Error: Document contains more tha')) return 'This document has too many tokens.';
  if (message.startsWith('Syntax Error')) {
    const at = locations?.[0];
    return at ? `Syntax error in line ${at.line}, column ${at.column}.` : 'Syntax error.';
  }
  if (message === 'Validation aborted.') return 'This document is too intricate to be checked.';
  if (message.startsWith('Unknown operation named')) return 'The document has no operation of the given operationName.';
  return namesOnly(message);
}

function namesOnly(message: string): string {
  const rest = message.replace(SUGGESTION, '').replace(QUOTED_NAME, '');
  return rest.includes('"') ? 'This document is not valid here.' : message;
}

function variableText(error: GraphQLError, definition: VariableDefinitionNode): string {
  const name = definition.variable.name.value;
  const type = print(definition.type);
  if (!error.message.startsWith(`Variable "$${name}" got invalid value`)) return namesOnly(error.message);
  const path = variablePath(error, name);
  const place = path === undefined ? '' : ` at "${path}"`;
  return `Variable "$${name}" of type "${type}" got an invalid value${place}${reasonOf(error.originalError ?? error)}.`;
}

/** The message ends in ` at "<path>"; <reason>`, behind the echoed value; the reason is the inner error's own message. */
function variablePath(error: GraphQLError, name: string): string | undefined {
  const suffix = `; ${error.originalError?.message ?? ''}`;
  if (!error.message.endsWith(suffix)) return undefined;
  const prefix = error.message.slice(0, -suffix.length);
  const path = / at "(\w+(?:\.\w+|\[\d+\])*)"$/.exec(prefix)?.[1];
  return path !== undefined && /^\w+/.exec(path)?.[0] === name ? path : undefined;
}

function literalText(error: GraphQLError, literal: ASTNode): string {
  const path = argumentPath(literal);
  return path === undefined
    ? `A value in this document is not valid${reasonOf(error)}.`
    : `The value of "${path}" is not valid${reasonOf(error)}.`;
}

const REASONS: ReadonlyArray<readonly [RegExp, (name: string) => string]> = [
  [/^Field "([\w.]+)" of required type "[\w[\]!]+" was not provided\.$/, (field) => `"${field}" is missing`],
  [/^Expected non-nullable type "([\w[\]!]+)" not to be null\.$/, (type) => `${type} may not be null`],
  [/^Field "[^"]+" is not defined by type "(\w+)"/, (type) => `${type} has no such field`],
  [/^Expected value of type "([\w[\]!]+)", found /, (type) => `${type} is expected`],
  [/^(Int|Float|String|Boolean|ID) cannot represent /, (type) => `${type} is expected`],
  [/^Enum "(\w+)" cannot represent /, (type) => `${type} is expected`],
  [/^Value "\w+" does not exist in "(\w+)" enum\./, (type) => `${type} is expected`],
];

/** Why, as far as it can be said by names of the schema alone. */
function reasonOf({ message }: Error): string {
  for (const [pattern, tell] of REASONS) {
    const match = pattern.exec(message);
    if (match) return `: ${tell(match[1] ?? '')}`;
  }
  return '';
}
