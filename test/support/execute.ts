import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import type { TestApp } from './app.js';

/** The data that a typed document answers; an error in the answer fails the test. */
export async function execute<Data, Variables extends Record<string, unknown>>(
  app: TestApp,
  token: string | undefined,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const { data, errors } = await app.post<Data>(print(document), variables, { token });
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return data;
}
