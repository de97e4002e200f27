import { describe, expect, it } from '@jest/globals';
import { buildSchema, type ExecutionResult, parse } from 'graphql';
import { type SharedArgs, SharedResults } from '../../src/server/socket/shared-results.js';

interface Told {
  readonly text: string;
}

const schema = buildSchema('type Query { a: Int } type Subscription { told: Told! } type Told { text: String! }');

/** Everybody is told these, by turns; `asked` counts how often their text was. */
function scene(events: readonly Told[]) {
  const results = new SharedResults();
  let asked = 0;
  const open = async (sharedAs: string, query: string, isFailing = () => false) => {
    const rootOf = ({ text }: Told) => ({
      told: {
        text: () => {
          asked += 1;
          if (isFailing()) throw new Error('gone');
          return text;
        },
      },
    });
    const roots = new Map(events.map((event) => [event, event]));
    const args: SharedArgs = {
      schema,
      document: parse(query),
      sharedAs,
      rootValue: { told: () => events.values() },
      subscribeFieldResolver: async function* stream() {
        yield* roots.keys();
      },
      fieldResolver: (source: any, _args, _context, info) => {
        if (info.fieldName === 'told') return rootOf(source as Told).told;
        return typeof source[info.fieldName] === 'function' ? source[info.fieldName]() : source[info.fieldName];
      },
    };
    return (await results.subscribe(args)) as AsyncGenerator<ExecutionResult, void, void>;
  };
  return { open, asked: () => asked };
}

const QUERY = 'subscription { told { text } }';
const [one, two] = [{ text: 'one' }, { text: 'two' }];

describe('SharedResults', () => {
  it('executes an event once for all who ask the same', async () => {
    const { open, asked } = scene([one, two]);
    const streams = [await open('a', QUERY), await open('a', QUERY), await open('a', QUERY)];
    for (const { text } of [one, two]) {
      const answers = await Promise.all(streams.map((stream) => stream.next()));
      expect(answers.map(({ value }) => value)).toEqual(streams.map(() => ({ data: { told: { text } } })));
    }
    expect(asked()).toBe(2);
  });

  it('executes it anew for whoever asks something else, and for whoever comes to it late', async () => {
    const { open, asked } = scene([one, two]);
    const [first, other, late] = [await open('a', QUERY), await open('b', QUERY), await open('a', QUERY)];
    await first.next();
    await other.next();
    await first.next();
    expect(asked()).toBe(3);
    expect((await late.next()).value).toEqual({ data: { told: { text: 'one' } } });
    expect(asked()).toBe(4);
  });

  it('lets a failure be that of whoever it happened to', async () => {
    const { open } = scene([one]);
    const [failing, other] = [await open('a', QUERY, () => true), await open('a', QUERY)];
    const [failed, good] = await Promise.all([failing.next(), other.next()]);
    expect((failed.value as ExecutionResult).errors).toHaveLength(1);
    expect(good.value).toEqual({ data: { told: { text: 'one' } } });
  });

  it('ends with its events, and ends them', async () => {
    const { open } = scene([one]);
    const [stream, returned] = [await open('a', QUERY), await open('a', QUERY)];
    await stream.next();
    expect(await stream.next()).toEqual({ value: undefined, done: true });
    await returned.return();
    expect(await returned.next()).toEqual({ value: undefined, done: true });
  });
});
