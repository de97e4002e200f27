import type { GraphQLField, GraphQLNamedType, GraphQLObjectType, GraphQLSchema } from 'graphql';
import { getNamedType, isObjectType } from 'graphql';

/** How deep the server lets an operation go, its root field being the first level. */
const DEEPEST = 10;

export type Field = GraphQLField<unknown, unknown>;

/** The object types of the schema, its root types apart. */
export function objectTypes(schema: GraphQLSchema): GraphQLObjectType[] {
  const roots = new Set<unknown>([schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]);
  return Object.values(schema.getTypeMap()).filter(
    (type): type is GraphQLObjectType => isObjectType(type) && !type.name.startsWith('__') && !roots.has(type),
  );
}

/** `Query.x`, `Mutation.x` and so on, with their fields. */
export function operations(schema: GraphQLSchema): Map<string, Field> {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
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
 * (so that it ends), as deep as the server admits. Empty for a field that ends in a value.
 */
export function everythingBelow(field: Field): string {
  const type = objectTypeOf(field);
  return type === undefined ? '' : selection(type, new Set(), 2);
}

function selection(type: GraphQLObjectType, gone: ReadonlySet<string>, level: number): string {
  const fields = Object.values(type.getFields()).map((field) => {
    const next = objectTypeOf(field);
    if (next === undefined) return field.name;
    const way = `${type.name}.${field.name}`;
    if (gone.has(way) || level === DEEPEST) return '';
    return `${field.name} ${selection(next, new Set([...gone, way]), level + 1)}`;
  });
  return `{ ${fields.filter(Boolean).join(' ')} }`;
}

/** An operation with all of the field's arguments as variables. */
export function documentOf(name: string, field: Field, below = everythingBelow(field)): string {
  const [root = '', fieldName = ''] = name.split('.');
  const declared = field.args.map((arg) => `$${arg.name}: ${String(arg.type)}`).join(', ');
  const passed = field.args.map((arg) => `${arg.name}: $${arg.name}`).join(', ');
  const inBrackets = (text: string) => (text === '' ? '' : `(${text})`);
  return `${root.toLowerCase()} ${inBrackets(declared)} { ${fieldName}${inBrackets(passed)} ${below} }`;
}
