import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { getIntrospectionQuery } from 'graphql';
import { closeEdgeServers, type EdgeAnswer, type EdgeServer, startEdgeServer } from '../support/edge-server.js';

let edge: EdgeServer;

beforeAll(async () => {
  edge = await startEdgeServer();
});
afterAll(closeEdgeServers);

const nested = (levels: number) => `{ self ${'{ node '.repeat(levels - 2)} { id } ${'}'.repeat(levels - 2)} }`;
const aliased = (count: number) => `{ ${Array.from({ length: count }, (_, index) => `a${index}: hello`).join(' ')} }`;
const tokens = (count: number) => `{ take(list: [${'1 '.repeat(count - 9)}]) }`;

function expectRefusal({ status, body }: EdgeAnswer, text: RegExp): void {
  expect(status).toBe(400);
  expect(body).toEqual({ errors: [{ message: expect.stringMatching(text), extensions: { code: 'BAD_USER_INPUT' } }] });
}

const post = (query: string) => edge.post(query, {}, { accept: 'application/graphql-response+json' });

describe('An operation', () => {
  it.each([
    ['10 levels deep', nested(10)],
    ['with 15 aliases', aliased(15)],
    ['of 1000 tokens', tokens(1000)],
    [
      'over a whole page of 100 with all fields',
      '{ self { nodes(first: 100) { id value node { id value nodes { id value } } } } }',
    ],
    [
      'of many levels of fragments',
      `{ self { ...A } } fragment A on Node { ...B } fragment B on Node { ... { ... { ... { ... { ... { ... { ... { id } } } } } } } }`,
    ],
  ])('%s is answered', async (_what, query) => {
    const { status, body } = await post(query);
    expect([status, body.errors]).toEqual([200, undefined]);
  });

  it.each([
    ['11 levels deep', nested(11), /too deep: 10 levels/],
    [
      '11 levels deep by fragments',
      `{ self { ...A } } fragment A on Node { node { node { node { node { ...B } } } } } fragment B on Node { node { node { node { node { node { id } } } } } }`,
      /too deep/,
    ],
    ['with 16 aliases', aliased(16), /too many aliases: 15/],
    [
      'with 16 aliases by fragments',
      `{ ...A ...A ...A ...A } fragment A on Query { a: hello b: hello c: hello d: hello }`,
      /too many aliases/,
    ],
    ['of a page of pages', '{ self { nodes(first: 100) { nodes(first: 100) { id } } } }', /cost may be 5000/],
  ])('%s is refused', async (_what, query, text) => {
    expectRefusal(await post(query), text);
  });

  it('of 1001 tokens is refused', async () => {
    const { status, body } = await post(tokens(1001));
    expect([status, body.errors?.[0]]).toEqual([
      400,
      {
        message: 'This document has too many tokens.',
        locations: expect.anything(),
        extensions: { code: 'BAD_USER_INPUT' },
      },
    ]);
  });

  it('with everything wrong in it is told a few of its errors', async () => {
    const { body } = await post(`{ ${'other '.repeat(500)} }`);
    expect(body.errors?.length).toBeLessThanOrEqual(21);
    const wrong = { x: Array.from({ length: 5000 }, () => 'x') };
    const { body: coerced } = await edge.post('query ($x: [Int!]) { take(list: $x) }', wrong);
    expect(coerced.errors?.length).toBeLessThanOrEqual(21);
  });

  it('whose fields would take too long to compare is refused', async () => {
    expectRefusal(await post(`{ ${'hello '.repeat(998)} }`), /too intricate/);
  });

  it('that is refused by the limits is not executed', async () => {
    await post(`mutation { ${Array.from({ length: 16 }, (_, index) => `a${index}: bump`).join(' ')} }`);
    expect(edge.bumps()).toBe(0);
  });
});

describe('Introspection', () => {
  it('by the tools is answered outside of production', async () => {
    const { body } = await post(
      getIntrospectionQuery({ inputValueDeprecation: true, specifiedByUrl: true, oneOf: true }),
    );
    expect(body.errors).toBeUndefined();
    expect(body.data).toHaveProperty('__schema.types');
  });

  it('is refused in production, and no name of the schema is hinted at', async () => {
    const production = await startEdgeServer({ server: { isProduction: true } });
    for (const query of ['{ __schema { types { name } } }', '{ __type(name: "Query") { name } }']) {
      expect((await production.post(query)).body).toEqual({
        errors: [expect.objectContaining({ extensions: { code: 'BAD_USER_INPUT' } })],
      });
    }
    for (const query of ['{ hallo }', '{ take(cont: 1) }', '{ take(colour: REDD) }']) {
      expect((await production.post(query)).text).not.toContain('Did you mean');
    }
    expect((await edge.post('{ hallo }')).text).toContain('Did you mean');
  });
});
