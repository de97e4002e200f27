import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { closeEdgeServers, type EdgeServer, postGraphql, startEdgeServer } from '../support/edge-server.js';

let edge: EdgeServer;

beforeAll(async () => {
  edge = await startEdgeServer();
});
afterAll(closeEdgeServers);

/** Wrong requests, each with something secret in another place; what it is allowed to say is the place. */
const DOCUMENTS: Record<string, (secret: string) => string> = {
  'a string for an Int': (s) => `{ take(count: "${s}") }`,
  'a string for a Boolean': (s) => `{ take(flag: "${s}") }`,
  'a string for an enum': (s) => `{ take(colour: "${s}") }`,
  'an enum value for a String': (s) => `{ take(text: ${s}) }`,
  'an unknown enum value': (s) => `{ take(colour: ${s}) }`,
  'a string for an input object': (s) => `{ take(input: "${s}") }`,
  'a string deep in an input object': (s) => `{ take(input: { days: 1, nested: { count: "${s}" } }) }`,
  'a string in a list': (s) => `{ take(list: [1, "${s}"]) }`,
  'an enum value in a list of an object': (s) =>
    `{ take(input: { days: 1, nested: { count: 1, colours: [RED, ${s}] } }) }`,
  'an object for a String': (s) => `{ take(text: { a: "${s}" }) }`,
  'a block string for an Int': (s) => `{ take(count: """${s}""") }`,
  'a custom scalar that quotes': (s) => `{ take(strict: "${s}") }`,
  'an unknown argument': (s) => `{ take(unknown: "${s}") }`,
  'an unknown input field': (s) => `{ take(input: { days: 1, other: "${s}" }) }`,
  'a required input field missing': (s) => `{ take(input: { nested: { count: 1, note: "${s}" } }) }`,
  "a variable's default": (s) => `query ($x: Int = "${s}") { take(count: $x) }`,
  "a directive's argument": (s) => `{ hello @include(if: "${s}") }`,
  'an unknown directive': (s) => `{ hello @other(if: "${s}") }`,
  'an unknown field': (s) => `{ other(code: "${s}") }`,
  'an argument given twice': (s) => `{ take(text: "${s}", text: "x${s}") }`,
  'fields that conflict': (s) => `{ take(text: "${s}") take(text: "x${s}") }`,
  'a missing selection': (s) => `{ self take(text: "${s}") }`,
  'a document that breaks off': (s) => `{ take(text: "${s}"`,
  'a string where a name belongs': (s) => `{ "${s}" }`,
  'a name where punctuation belongs': (s) => `{ take(text ${s}) }`,
  'an unterminated string': (s) => `{ take(text: "${s}) }`,
  'a bad escape': (s) => `{ take(text: "\\${s}") }`,
  'a bare number': (s) => `{ take(count: 1${s}) }`,
  'a comment': (s) => `# ${s}\n{ other }`,
};

const VARIABLES: Record<string, readonly [string, (secret: string) => unknown]> = {
  'a string for an Int': ['query ($x: Int) { take(count: $x) }', (x) => ({ x })],
  'a string for an enum': ['query ($x: Colour) { take(colour: $x) }', (x) => ({ x })],
  'an object for a String': ['query ($x: String) { take(text: $x) }', (a) => ({ x: { a } })],
  'a string for an object': ['query ($x: EdgeInput) { take(input: $x) }', (x) => ({ x })],
  'a wrong field': ['query ($x: EdgeInput) { take(input: $x) }', (days) => ({ x: { days } })],
  'a wrong field deep down': [
    'query ($x: EdgeInput) { take(input: $x) }',
    (count) => ({ x: { days: 1, nested: { count } } }),
  ],
  'a missing field': ['query ($x: EdgeInput) { take(input: $x) }', (note) => ({ x: { nested: { note } } })],
  'a null beside it': [
    'query ($x: EdgeInput) { take(input: $x) }',
    (note) => ({ x: { days: null, nested: { count: 1, note } } }),
  ],
  'an unknown field': ['query ($x: EdgeInput) { take(input: $x) }', (other) => ({ x: { days: 1, other } })],
  'an unknown key': ['query ($x: EdgeInput) { take(input: $x) }', (key) => ({ x: { days: 1, [key]: 1 } })],
  'an entry of a list': ['query ($x: [Int!]) { take(list: $x) }', (entry) => ({ x: [1, entry] })],
  'a custom scalar that quotes': ['query ($x: Strict) { take(strict: $x) }', (x) => ({ x })],
  'another variable': ['query ($x: Int!) { take(count: $x) }', (y) => ({ y })],
  'an argument of the wrong type': ['query ($x: String) { take(count: $x) }', (x) => ({ x })],
};

const secretName = fc.stringMatching(/^[A-Z][A-Z2-9]{11}$/);
/** With everything that could end a quotation in a message too early. */
const secretText = fc
  .tuple(secretName, fc.constantFrom('', '" at "x.days"; ', '\\" ', '\' at "x"; Field "', ' }; ', '\n"'))
  .map(([secret, noise]) => ({ secret, text: `${noise}${secret}${noise}${secret}` }));

describe('What somebody typed', () => {
  it.each(Object.entries(DOCUMENTS))('is not echoed from the document: %s', async (_place, document) => {
    await fc.assert(
      fc.asyncProperty(secretName, async (secret) => {
        await expectRefusalWithout(secret, { query: document(secret) });
      }),
      { numRuns: 5 },
    );
  });

  it.each(Object.entries(VARIABLES))('is not echoed from the variables: %s', async (_place, [query, variables]) => {
    await fc.assert(
      fc.asyncProperty(secretText, async ({ secret, text }) => {
        await expectRefusalWithout(secret, { query, variables: variables(text) });
      }),
      { numRuns: 15 },
    );
  });

  it('is not echoed from operationName', async () => {
    await expectRefusalWithout('HUNTERTWO222', { query: '{ hello }', operationName: 'HUNTERTWO222' });
  });

  it('is in no line of the log', () => {
    expect(JSON.stringify(edge.lines)).not.toMatch(/[A-Z][A-Z2-9]{11}/);
  });
});

async function expectRefusalWithout(secret: string, body: unknown): Promise<void> {
  for (const accept of ['application/json', 'application/graphql-response+json']) {
    const { text, body: answer } = await postGraphql(`${edge.url}/graphql`, body, { accept });
    expect(text).not.toContain(secret);
    expect(answer.data).toBeUndefined();
    for (const { extensions } of answer.errors ?? []) expect(extensions).toEqual({ code: 'BAD_USER_INPUT' });
    expect(answer.errors).not.toHaveLength(0);
  }
}
