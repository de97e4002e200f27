import { graphql, type GraphQLSchema } from 'graphql';
import type { App } from '../../src/app.js';
import { AccessTokens, buildSparekeySchema, createLoaders } from '../program.ts';
import { type Person, PUBLIC_URL } from '../stage.ts';

export interface Operation {
  readonly document: string;
  readonly variables?: Record<string, unknown>;
}

let schema: Promise<GraphQLSchema> | undefined;

/** Runs a GraphQL operation in this process as a request with this token does, without HTTP. @throws what the rules threw */
export async function execute(
  app: App,
  caller: { person: Person; token?: string },
  operation: Operation,
): Promise<any> {
  schema ??= buildSparekeySchema();
  const { services } = app;
  const viewer = await services.authentication.viewerOf({ bearer: caller.token, origin: caller.person.origin });
  const contextValue = { services, viewer, origin: caller.person.origin, loaders: createLoaders(services) };
  const { data, errors } = await graphql({
    schema: await schema,
    source: operation.document,
    contextValue,
    variableValues: operation.variables ?? {},
  });
  if (errors !== undefined) throw errors[0]?.originalError ?? errors[0] ?? new Error('The operation failed.');
  return data;
}

export async function tokenOf(app: App, { viewer }: Person): Promise<string> {
  const tokens = new AccessTokens(app.services.signingKeys, { issuer: () => PUBLIC_URL, ttlSeconds: 3600 });
  const sign = await tokens.signer();
  return (await sign(viewer)).token;
}
