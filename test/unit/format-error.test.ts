import { describe, expect, it } from '@jest/globals';
import { buildSchema, execute, GraphQLError, type GraphQLFormattedError, parse, validate } from 'graphql';
import { BadUserInputError, DomainError, RateLimitedError, UnavailableError } from '../../src/domain/errors.js';
import { formatError } from '../../src/server/format-error.js';

const schema = buildSchema(`
  enum Colour { RED GREEN }
  input Inner { count: Int! colours: [Colour!] }
  input Outer { inner: Inner days: Int! }
  type Query { take(text: String, count: Int, colour: Colour, input: Outer): String }
`);

const PRODUCTION = { newErrorId: () => 'id-1', hints: false };
const DEVELOPMENT = { ...PRODUCTION, hints: true };

function format(error: unknown, options = PRODUCTION): GraphQLFormattedError {
  const formatted = error instanceof GraphQLError ? error.toJSON() : { message: String(error) };
  return formatError(formatted, error, options);
}

/** As graphql-js wraps what a resolver throws. */
function thrownIn(path: string[], originalError: Error): GraphQLError {
  return new GraphQLError(originalError.message, { path, originalError });
}

function messages(document: string, options = PRODUCTION): string[] {
  return validate(schema, parse(document)).map((error) => format(error, options).message);
}

async function variableMessages(variables: Record<string, unknown>, type: string): Promise<string[]> {
  const argument = type.startsWith('Outer') ? 'input' : 'count';
  const document = parse(`query ($x: ${type}) { take(${argument}: $x) }`);
  const { errors = [] } = await execute({ schema, document, variableValues: variables });
  expect(errors.map((error) => format(error).extensions)).toEqual(errors.map(() => ({ code: 'BAD_USER_INPUT' })));
  return errors.map((error) => format(error).message);
}

describe('A refusal by the rules', () => {
  it('keeps its message, code and extensions, and the place in the answer', () => {
    const retryAt = new Date('2026-01-01T00:00:00Z');
    expect(format(thrownIn(['generateRecoveryCodes'], new RateLimitedError(retryAt, 30)))).toEqual({
      message: 'Too many attempts. Try again in 30 seconds.',
      path: ['generateRecoveryCodes'],
      extensions: { code: 'RATE_LIMITED', retryAt: '2026-01-01T00:00:00.000Z', retryAfterSeconds: 30 },
    });
  });

  it('is found below several wrappers', () => {
    const wrapped = thrownIn(['a'], thrownIn(['a'], new BadUserInputError('input.days', 'At least 1.')));
    expect(format(wrapped).extensions).toEqual({ code: 'BAD_USER_INPUT', argument: 'input.days' });
  });

  it('cannot overwrite its code by its extensions', () => {
    class Sly extends DomainError {
      readonly code = 'CONFLICT';
      override get extensions() {
        return { code: 'OTHER', message: 'other' };
      }
    }
    expect(format(thrownIn(['a'], new Sly('No.')))).toMatchObject({ message: 'No.', extensions: { code: 'CONFLICT' } });
  });

  it.each([
    ['UNAUTHENTICATED', 'UNAUTHENTICATED'],
    ['UNAUTHORIZED', 'FORBIDDEN'],
  ])('that type-graphql codes as %s is coded as %s', (theirs, ours) => {
    expect(format(new GraphQLError('!', { path: ['a'], extensions: { code: theirs } })).extensions).toEqual({
      code: ours,
    });
  });
});

describe('A fault of ours', () => {
  it('is told by an id and nothing else', () => {
    expect(format(thrownIn(['me'], new Error('password hunter2')))).toEqual({
      message: 'Internal server error',
      path: ['me'],
      extensions: { code: 'INTERNAL_SERVER_ERROR', errorId: 'id-1' },
    });
  });

  it.each([
    ['a plain error outside of any field', new Error('hunter2')],
    ['an error without a path around a plain one', new GraphQLError('x', { originalError: new Error('hunter2') })],
    ['a GraphQLError that a resolver made', new GraphQLError('hunter2', { path: ['me'] })],
    [
      'a value of ours that does not fit its type',
      new GraphQLError('Int cannot represent "hunter2"', { path: ['me'] }),
    ],
    ['something that is no error', 'hunter2'],
  ])('includes %s', (_what, error) => {
    const answer = format(error);
    expect(answer.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR', errorId: 'id-1' });
    expect(JSON.stringify(answer)).not.toContain('hunter2');
  });
});

describe('A database that is away', () => {
  it.each([
    ['in a field', thrownIn(['me'], Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }))],
    ['before any field', new GraphQLError('', { originalError: new UnavailableError() })],
  ])('is UNAVAILABLE, without details, %s', (_where, error) => {
    expect(format(error)).toMatchObject({
      message: 'The service is busy or its database is away. Nothing was changed; try again shortly.',
      extensions: { code: 'UNAVAILABLE' },
    });
  });
});

describe('A literal that is wrong', () => {
  it.each([
    ['{ take(count: "s3cret") }', 'The value of "count" is not valid: Int is expected.'],
    ['{ take(text: S3CRET) }', 'The value of "text" is not valid: String is expected.'],
    ['{ take(colour: S3CRET) }', 'The value of "colour" is not valid: Colour is expected.'],
    ['{ take(colour: "s3cret") }', 'The value of "colour" is not valid: Colour is expected.'],
    [
      '{ take(input: { days: 1, inner: { count: [2] } }) }',
      'The value of "input.inner.count" is not valid: Int is expected.',
    ],
    [
      '{ take(input: { inner: { count: 1, colours: [RED, BLUE] }, days: 1 }) }',
      'The value of "input.inner.colours" is not valid: Colour is expected.',
    ],
    [
      '{ take(text: "a", input: { inner: { count: 1 } }) }',
      'The value of "input" is not valid: "Outer.days" is missing.',
    ],
    ['{ take(input: { inner: null, days: null }) }', 'The value of "input.days" is not valid: Int! is expected.'],
    ['query ($x: Int = "s3cret") { take(count: $x) }', 'The value of "$x" is not valid: Int is expected.'],
    [
      'query ($x: Outer = { days: "s3cret" }) { take(input: $x) }',
      'The value of "$x.days" is not valid: Int is expected.',
    ],
  ])('is told by its place: %s', (document, message) => {
    expect(messages(document)).toEqual([message]);
  });
});

describe('A variable that is wrong', () => {
  const at = (place: string) => `Variable "$x" of type "Outer" got an invalid value${place}.`;

  it.each<[unknown, string[]]>([
    ['s3cret', [at('')]],
    [{ days: 's3cret' }, [at(' at "x.days": Int is expected')]],
    [
      { days: 1, inner: { count: 1, colours: ['RED', 's3cret'] } },
      [at(' at "x.inner.colours[1]": Colour is expected')],
    ],
    [{ inner: { count: 1 } }, [at(': "days" is missing')]],
    [{ days: null }, [at(' at "x.days": Int! may not be null')]],
    [{ days: 1, s3cret: 1 }, [at(': Outer has no such field')]],
    [
      { days: '" at "x.s3cret"; Field "s3cret" of required type "Int" was not provided.' },
      [at(' at "x.days": Int is expected')],
    ],
  ])('is told by its place: %j', async (x, expected) => {
    expect(await variableMessages({ x }, 'Outer')).toEqual(expected);
  });

  it('is named where it is missing or null', async () => {
    expect(await variableMessages({}, 'Int!')).toEqual(['Variable "$x" of required type "Int!" was not provided.']);
    expect(await variableMessages({ x: null }, 'Int!')).toEqual([
      'Variable "$x" of non-null type "Int!" must not be null.',
    ]);
  });
});

describe('A document that is wrong', () => {
  it('is told by line and column where it cannot be parsed', () => {
    const error = attempt(() => parse('{ take(text: "a")\n  s3cret" }'));
    expect(format(error)).toEqual({
      message: 'Syntax error in line 2, column 12.',
      locations: [{ line: 2, column: 12 }],
      extensions: { code: 'BAD_USER_INPUT' },
    });
  });

  it('is told by the names in it where it does not fit the schema', () => {
    expect(messages('{ tak }', DEVELOPMENT)).toEqual([
      'Cannot query field "tak" on type "Query". Did you mean "take"?',
    ]);
  });

  it('gets no hints in production', () => {
    expect(messages('{ tak }')).toEqual(['Cannot query field "tak" on type "Query".']);
  });

  it('is told in general words where the reason holds more than names', () => {
    const error = new GraphQLError('Odd: "s3cret value".', { nodes: parse('{ take }').definitions });
    expect(format(error).message).toBe('This document is not valid here.');
  });
});

function attempt(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}
