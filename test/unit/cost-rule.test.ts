import { describe, expect, it } from '@jest/globals';
import { buildSchema, GraphQLError, parse, validate, type ValidationRule } from 'graphql';
import { costRule } from '../../src/server/cost-rule.js';
import { OPERATION_LIMITS, OperationLimitError, validationRules } from '../../src/server/operation-limits.js';

const schema = buildSchema(`
  type Query { me: Account, node: Node, sized(first: Int): Account }
  interface Node { id: ID, batches(first: Int, last: Int): Batches }
  type Account implements Node { id: ID, batches(first: Int, last: Int): Batches, named(name: Int): Account }
  type Batches { edges: [Edge], total: Int }
  type Edge { node: Batch }
  type Batch { account: Account, a: Int, b: Int, c: Int, d: Int, e: Int, f: Int, g: Int, h: Int }
`);
const FIELDS = 'a b c d e f g h';

function exceeds(query: string, maxCost: number): boolean {
  const rule: ValidationRule = costRule({
    maxCost,
    refuse: (context) => context.reportError(new GraphQLError('Too much.')),
  });
  return validate(schema, parse(query), [rule]).length > 0;
}

/** That it costs this much, and no less. */
function expectCost(query: string, cost: number): void {
  expect({ atCost: exceeds(query, cost), below: exceeds(query, cost - 1) }).toEqual({ atCost: false, below: true });
}

const sized = (args: string) => `query ($n: Int = 1) { sized${args} { a b } }`;

describe('The cost of an operation', () => {
  it.each([
    ['without pages is the number of its fields', '{ me { id named(name: 50) { id } } }', 4],
    ['counts a literal as its value', sized('(first: 7)'), 15],
    ['counts a literal below one as one', sized('(first: -7)'), 3],
    ['counts a variable as the largest page, whatever its default', sized('(first: $n)'), 201],
    ['counts a page of no given size as ten', sized(''), 21],
    ['counts a null as not given', sized('(first: null)'), 21],
    ['takes the larger of first and last', '{ me { batches(first: 2, last: 30) { total } } }', 32],
    ['takes the larger of last and first', '{ me { batches(last: 2, first: 30) { total } } }', 32],
    ['sees the page of an interface', '{ node { batches(first: 30) { total } } }', 32],
    ['looks through inline fragments', '{ node { ... { ... on Account { batches(first: 30) { total } } } } }', 32],
    ['looks through spreads', '{ me { ...A ...A } } fragment A on Account { batches(first: 30) { total } }', 63],
    ['leaves introspection out', '{ __schema { types { name } } me { __typename id } }', 2],
    ['counts what the schema does not know as one value', '{ other(first: 50) { what } ...Gone }', 2],
    ['is not undone by a number without end', `{ me { id batches(first: 1${'0'.repeat(400)}) { __typename } } }`, 3],
  ])('%s', (_what, query, cost) => {
    expectCost(query, cost);
  });

  it('is taken of each operation by itself', () => {
    const query = 'query A { me { id } } query B { me { id } } mutation C { none { id } }';
    expect(exceeds(query, 2)).toBe(false);
  });

  it('of fragments that spread one another twice is found at once, and is what it would be written out', () => {
    const levels = 60;
    const fragments = Array.from(
      { length: levels },
      (_, n) => `fragment F${n} on Account { ...F${n + 1} ...F${n + 1} }`,
    );
    const query = `{ me { ...F0 } } ${fragments.join(' ')} fragment F${levels} on Account { id }`;
    const begun = performance.now();
    expect(exceeds(query, 2 ** (levels - 1))).toBe(true);
    expect(exceeds(query, 2 ** (levels + 1))).toBe(false);
    expect(performance.now() - begun).toBeLessThan(1_000);
  });

  it('of fragments within themselves comes to an end', () => {
    const query = '{ me { ...A } } fragment A on Account { id ...B } fragment B on Account { id ...A ...B }';
    expectCost(query, 3);
  });
});

describe('The limit of cost', () => {
  const refusals = (query: string) =>
    validate(schema, parse(query), validationRules).filter((error) => error instanceof OperationLimitError);

  const pages = (inner: string, outer = inner) =>
    `query ($n: Int, $m: Int = 1) { me { batches${outer} { edges { node { account { batches${inner} { edges { node { ${FIELDS} } } } } } } } } }`;

  it.each(['(first: 100)', '(last: 100)', '(first: $n)', ''])('lets a page%s of all fields pass', (args) => {
    expect(refusals(`query ($n: Int) { me { batches${args} { edges { node { ${FIELDS} } } } } }`)).toEqual([]);
  });

  it.each([
    ['by literals', pages('(first: 100)')],
    ['by the last ones', pages('(last: 100)')],
    ['by variables', pages('(first: $n)')],
    ['by variables with a default', pages('(first: $m)')],
    ['by a variable and the default page', pages('', '(first: $n)')],
    ['by a small first beside a large last', pages('(first: 1, last: 100)')],
    [
      'by fragments',
      `{ me { batches(first: 100) { ...P } } } fragment P on Batches { edges { node { account { ...A } } } }
      fragment A on Account { batches(first: 100) { edges { node { ${FIELDS} } } } }`,
    ],
  ])('refuses a page of pages %s', (_how, query) => {
    expect(refusals(query).map(({ message }) => message)).toEqual([
      `This operation asks for too much at once: its cost may be ${OPERATION_LIMITS.cost} at most.`,
    ]);
  });
});
