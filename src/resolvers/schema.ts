import 'reflect-metadata';
import { GraphQLEnumType, GraphQLSchema } from 'graphql';
import { buildSchema, type PubSub } from 'type-graphql';
import { ERROR_CODES } from '../domain/errors.js';
import { resolvers } from './index.js';
import { rateLimitDirective } from './rate-limit-directive.js';
import { closeToServiceKeys } from './service-key-access.js';

/** Referred to by no field: generated clients switch on it. */
const ErrorCode = new GraphQLEnumType({
  name: 'ErrorCode',
  description: 'Every value that extensions.code can take, so that generated clients can switch on it.',
  values: Object.fromEntries(ERROR_CODES.map((code) => [code, {}])),
});

/** The library asks for one as soon as there are subscriptions; ours all bring their own events. */
const noPubSub: PubSub = {
  publish: () => undefined,
  subscribe: () => {
    throw new Error('Subscriptions take their events from the live feeds.');
  },
};

/** The API. `npm run schema:emit` prints it to `schema.graphql`. */
export async function buildSparekeySchema(): Promise<GraphQLSchema> {
  const schema = await buildSchema({
    resolvers: [...resolvers],
    directives: [rateLimitDirective],
    pubSub: noPubSub,
    // class-validator would echo what was typed in its errors.
    validate: false,
  });
  closeToServiceKeys(schema);
  const config = schema.toConfig();
  return new GraphQLSchema({ ...config, types: [...config.types, ErrorCode] });
}
