import type { GraphQLField, GraphQLNamedType, GraphQLObjectType, GraphQLSchema } from 'graphql';
import { getNamedType, isObjectType } from 'graphql';

/** How deep the server lets an operation go, its root field being the first level; and how long, less its own frame. */
const DEEPEST = 10;
const MOST_TOKENS = 960;
/** How deep where the root field is a page: of the largest one, the server gives away just about all that entries hold. */
const DEEPEST_OF_A_PAGE = 4;

export type Field = GraphQLField<unknown, unknown>;

/** The object types of the schema, its root types apart. */
export function objectTypes(schema: GraphQLSchema): GraphQLObjectType[] {
  const roots = new Set<unknown>([schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]);
  return Object.values(schema.getTypeMap()).filter(
    (type): type is GraphQLObjectType => isObjectType(type) && !type.name.startsWith('__') && !roots.has(type),
  );
}

/** `Query.x` and `Mutation.x`, with their fields: all that runs over HTTP. */
export function operations(schema: GraphQLSchema): Map<string, Field> {
  return rootFields([schema.getQueryType(), schema.getMutationType()]);
}

/** `Subscription.x`, with their fields: all that runs over a socket. */
export function subscriptions(schema: GraphQLSchema): Map<string, Field> {
  return rootFields([schema.getSubscriptionType()]);
}

function rootFields(roots: readonly (GraphQLObjectType | null | undefined)[]): Map<string, Field> {
  return new Map(
    roots.flatMap((root) =>
      Object.values(root?.getFields() ?? {}).map((field) => [`${root?.name}.${field.name}`, field]),
    ),
  );
}

/** The object type that a field leads to; undefined where it ends in a value. */
export function objectTypeOf(field: Field): GraphQLObjectType | undefined {
  const type: GraphQLNamedType = getNamedType(field.type);
  return isObjectType(type) ? type : undefined;
}

/**
 * A selection of all that can be reached below a field, by every path on which no field leads from the same type twice
 * (so that it ends), as deep as the server admits so long a text. Empty for a field that ends in a value.
 */
export function everythingBelow(field: Field): string {
  const type = objectTypeOf(field);
  if (type === undefined) return '';
  for (let deepest = pageOf(field) === '' ? DEEPEST : DEEPEST_OF_A_PAGE; ; deepest -= 1) {
    const found = selection(type, { gone: new Set(), level: 2, deepest });
    if ((found.match(/\w+|[{}]/g)?.length ?? 0) <= MOST_TOKENS) return found;
  }
}

interface Way {
  /** Fields by their types that may not be taken again. */
  readonly gone: ReadonlySet<string>;
  readonly level: number;
  readonly deepest: number;
}

function selection(type: GraphQLObjectType, { gone, level, deepest }: Way): string {
  const fields = Object.values(type.getFields()).map((field) => {
    const next = objectTypeOf(field);
    if (next === undefined) return field.name;
    const step = `${type.name}.${field.name}`;
    if (gone.has(step) || level === deepest) return '';
    const below = selection(next, { gone: new Set([...gone, step]), level: level + 1, deepest });
    return `${field.name}${pageOf(field)} ${below}`;
  });
  return `{ ${fields.filter(Boolean).join(' ')} }`;
}

/** Short pages within pages, so that it costs no more than the server admits. */
function pageOf(field: Field): string {
  return field.args.some(({ name }) => name === 'first') ? '(first: 4)' : '';
}

/** An operation with all of the field's arguments as variables. */
export function documentOf(name: string, field: Field, below = everythingBelow(field)): string {
  const [root = '', fieldName = ''] = name.split('.');
  const declared = field.args.map((arg) => `$${arg.name}: ${String(arg.type)}`).join(', ');
  const passed = field.args.map((arg) => `${arg.name}: $${arg.name}`).join(', ');
  const inBrackets = (text: string) => (text === '' ? '' : `(${text})`);
  return `${root.toLowerCase()} ${inBrackets(declared)} { ${fieldName}${inBrackets(passed)} ${below} }`;
}
