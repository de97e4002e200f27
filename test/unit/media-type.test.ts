import { describe, expect, it } from '@jest/globals';
import { negotiateAnswerType } from '../../src/server/media-type.js';

const JSON_TYPE = 'application/json';
const GRAPHQL_TYPE = 'application/graphql-response+json';

describe('The media type of an answer', () => {
  it.each([
    [undefined, JSON_TYPE],
    ['', JSON_TYPE],
    ['*/*', JSON_TYPE],
    ['application/*', JSON_TYPE],
    [JSON_TYPE, JSON_TYPE],
    [GRAPHQL_TYPE, GRAPHQL_TYPE],
    [`${GRAPHQL_TYPE}; charset=utf-8`, GRAPHQL_TYPE],
    ['Application/GraphQL-Response+JSON', GRAPHQL_TYPE],
    [`${GRAPHQL_TYPE}, ${JSON_TYPE};q=0.9`, GRAPHQL_TYPE],
    [`${GRAPHQL_TYPE};q=0.5, ${JSON_TYPE}`, JSON_TYPE],
    [`${GRAPHQL_TYPE}, ${JSON_TYPE}`, GRAPHQL_TYPE],
    [`${JSON_TYPE}, ${GRAPHQL_TYPE}`, JSON_TYPE],
    [`${GRAPHQL_TYPE}, */*`, GRAPHQL_TYPE],
    [`${JSON_TYPE};q=0, */*`, GRAPHQL_TYPE],
    [`text/html, */*;q=0.1`, JSON_TYPE],
    ['text/html', undefined],
    [`${JSON_TYPE};q=0`, undefined],
    ['multipart/mixed', undefined],
    [',;=,', undefined],
  ])('for accept %s is %s', (accept, expected) => {
    expect(negotiateAnswerType(accept)).toBe(expected);
  });
});
