import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { compareContract, readList } from '../../scripts/compare-contract.js';

const contract = `
  directive @limit(policy: Policy!) on FIELD_DEFINITION
  scalar Moment
  enum Policy { SLOW FAST }
  type Query {
    code(id: ID!, dry: Boolean = false): Code @limit(policy: SLOW)
  }
  type Code {
    id: ID!
    at: Moment
  }
  input Filter {
    since: Moment
  }
`;

function problemsWith(change: (sdl: string) => string, notBuilt: readonly string[] = []) {
  return compareContract({ contract, schema: change(contract), notBuilt }).problems;
}

describe('a schema keeps its promise', () => {
  it('when it is the contract itself', () => {
    const { problems, builtCount, contractCount } = compareContract({ contract, schema: contract, notBuilt: [] });
    expect(problems).toEqual([]);
    expect(builtCount).toBe(contractCount);
  });

  it.each([
    ['descriptions', 'type Code {', '"Words." type Code {'],
    ['another type', 'scalar Moment', 'scalar Moment\n type More { id: ID! }'],
    ['another field', 'at: Moment', 'at: Moment\n more: Int!'],
    ['another enum value', 'SLOW FAST', 'SLOW FAST FASTER'],
    ['a nullable argument', 'code(id: ID!', 'code(more: Int, id: ID!'],
    ['a required argument with a default', 'code(id: ID!', 'code(more: Int! = 1, id: ID!'],
    ['a nullable input field', 'since: Moment', 'since: Moment\n until: Moment'],
    ['another directive on a field', '@limit(policy: SLOW)', '@deprecated @limit(policy: SLOW)'],
    ['required arguments on a new field', 'at: Moment', 'at: Moment\n more(n: Int!): Int'],
  ])('with %s besides', (_what, from, to) => {
    expect(problemsWith((sdl) => sdl.replace(from, to))).toEqual([]);
  });
});

describe('a schema breaks its promise', () => {
  it.each([
    ['a type', 'scalar Moment', '', ['Moment is missing']],
    ['a field', 'at: Moment', '', ['Code.at is missing']],
    ['an argument', ', dry: Boolean = false', '', ['Query.code(dry) is missing']],
    ['an enum value', 'SLOW FAST', 'SLOW', ['Policy.FAST is missing']],
    ['an input field', 'since: Moment', 'until: Moment', ['Filter.since is missing']],
    ['a directive', '@limit(policy: SLOW)', '', ['Query.code@limit is missing']],
  ])('without %s', (_what, from, to, problems) => {
    expect(problemsWith((sdl) => sdl.replace(from, to))).toEqual(problems);
  });

  it.each([
    ['the type of a field', 'at: Moment', 'at: Moment!', 'Code.at is Moment!, not Moment'],
    ['the type of an argument', 'code(id: ID!', 'code(id: ID', 'Query.code(id) is ID, not ID!'],
    ['a default', 'dry: Boolean = false', 'dry: Boolean', 'Query.code(dry) is Boolean, not Boolean = false'],
    ['the kind of a type', 'scalar Moment', 'enum Moment { NOW }', 'Moment is an enum, not a scalar'],
    [
      'what a directive is given',
      '(policy: SLOW)',
      '(policy: FAST)',
      'Query.code@limit is applied with (policy: FAST), not applied with (policy: SLOW)',
    ],
    ['where a directive goes', 'on FIELD_DEFINITION', 'on OBJECT', '@limit is on OBJECT, not on FIELD_DEFINITION'],
  ])('by changing %s', (_what, from, to, problem) => {
    expect(problemsWith((sdl) => sdl.replace(from, to))).toEqual([problem]);
  });

  it.each([
    ['argument', 'code(id: ID!', 'code(more: Int!, id: ID!', 'Query.code(more)'],
    ['input field', 'since: Moment', 'since: Moment\n until: Moment!', 'Filter.until'],
    ['directive argument', 'policy: Policy!', 'policy: Policy!, more: Int!', '@limit(more)'],
  ])('by requiring an %s that the contract does not know', (_what, from, to, coordinate) => {
    expect(problemsWith((sdl) => sdl.replace(from, to))).toEqual([
      `${coordinate} is required, but the contract does not know it`,
    ]);
  });

  it('once for a missing type, not once for each of its members', () => {
    expect(problemsWith((sdl) => sdl.replace(/type Code \{[^}]*\}/, ''))).toEqual(['Code is missing']);
  });
});

describe('the list of what is not built yet', () => {
  it('excuses an element and all below it', () => {
    const cut = (sdl: string) => sdl.replace(/type Code \{[^}]*\}/, '').replace(/ {4}code\(.*/, '    other: Int');
    expect(problemsWith(cut, ['Code', 'Query.code'])).toEqual([]);
  });

  it('refuses an entry that is built', () => {
    expect(problemsWith((sdl) => sdl, ['Code.at', 'Policy.FAST'])).toEqual([
      'Code.at is built: take it off the list',
      'Policy.FAST is built: take it off the list',
    ]);
  });

  it('refuses an entry that the contract does not have', () => {
    expect(problemsWith((sdl) => sdl, ['Code.on'])).toEqual([
      'Code.on is listed as not built, but the contract has no such element',
    ]);
  });

  it('refuses an entry that stands twice', () => {
    const cut = (sdl: string) => sdl.replace('at: Moment', '');
    expect(problemsWith(cut, ['Code.at', 'Code.at'])).toEqual(['Code.at is listed twice']);
  });

  it('is read line by line, without blank lines and comments', () => {
    expect(readList('# why\nCode\n\n  Query.code(dry) # later\n')).toEqual(['Code', 'Query.code(dry)']);
  });

  it('names elements of the committed contract only', () => {
    const read = (file: string) => readFileSync(new URL(`../contract/${file}`, import.meta.url), 'utf8');
    const committed = read('api.graphql');
    const notBuilt = readList(read('not-built-yet.txt'));
    const { problems } = compareContract({ contract: committed, schema: 'type Query { none: Int }', notBuilt });
    expect(problems.filter((problem) => problem.includes('list'))).toEqual([]);
  });
});
