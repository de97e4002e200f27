import { randomUUID } from 'node:crypto';
import { graphql, type GraphQLSchema } from 'graphql';
import type { App } from '../../src/app.js';
import { AccessTokens, buildSparekeySchema, createLoaders } from '../program.ts';
import type { Person } from '../stage.ts';

const ISSUER = 'http://bench';
let schema: Promise<GraphQLSchema> | undefined;

export interface Operation {
  readonly document: string;
  readonly variables?: Record<string, unknown>;
}

/** Runs a GraphQL operation in this process, as a request with this person's token does, without HTTP. */
export async function execute(app: App, person: Person, { document, variables }: Operation): Promise<any> {
  schema ??= buildSparekeySchema();
  const { services } = app;
  const viewer = await services.accounts.viewerBy(await tokenOf(app, person));
  const contextValue = { services, viewer, origin: person.origin, loaders: createLoaders(services) };
  const { data, errors } = await graphql({
    schema: await schema,
    source: document,
    contextValue,
    ...(variables && { variableValues: variables }),
  });
  if (errors !== undefined) throw errors[0]?.originalError ?? errors[0] ?? new Error('Refused.');
  return data;
}

/** An access token for a server that calls itself by this address. */
export async function tokenFor(app: App, { viewer }: Person, issuer: string): Promise<string> {
  const tokens = new AccessTokens(app.services.signingKeys, { issuer: () => issuer, ttlSeconds: 3600 });
  return (await tokens.issue(viewer)).token;
}
