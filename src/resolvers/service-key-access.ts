import { defaultFieldResolver, type GraphQLField, type GraphQLSchema } from 'graphql';
import { Extensions } from 'type-graphql';
import { refuseServiceKey } from '../domain/access/rules.js';
import type { Context } from './context.js';

const OPEN = 'isOpenToServiceKeys';

/** Lets service keys ask for an operation: what of it they may do, its rules say. */
export function OpenToServiceKeys(): MethodDecorator {
  return Extensions({ [OPEN]: true });
}

/**
 * Closes to service keys every operation that is not declared as open, those too that anybody else may do without saying
 * who they are, so that a new one is closed by itself.
 */
export function closeToServiceKeys(schema: GraphQLSchema): void {
  for (const root of [schema.getQueryType(), schema.getMutationType()]) {
    for (const field of Object.values(root?.getFields() ?? {})) {
      if (field.extensions[OPEN] !== true) close(field);
    }
  }
}

function close(field: GraphQLField<unknown, Context>): void {
  const { resolve = defaultFieldResolver } = field;
  field.resolve = (source, args, context, info) => {
    refuseServiceKey(context.viewer);
    return resolve(source, args, context, info);
  };
}
