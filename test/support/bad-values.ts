import { randomUUID } from 'node:crypto';
import {
  getNullableType,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  isEnumType,
  isInputObjectType,
  isNonNullType,
} from 'graphql';
import type { Field } from './schema-walk.js';

type Variables = Record<string, unknown>;

export interface BadCase {
  /** Which argument is bad, and how. */
  readonly label: string;
  readonly variables: Variables;
}

/** Stands in every bad text, and may never come back. */
export const MARK = 'zQ7mXk2v';

/** Texts that somebody may send instead of a right one. */
function badTexts(right: unknown): Record<string, unknown> {
  const after = (end: string) => (typeof right === 'string' ? `${right}${end}` : `${MARK}${end}`);
  return {
    'an empty text': '',
    blanks: ' \t\n ',
    'another text': MARK,
    'a long text': MARK.repeat(1_250),
    'a very long text': MARK.repeat(11_000),
    NUL: `${MARK}\u0000`,
    'NUL alone': '\u0000',
    'the right one and NUL': after('\u0000'),
    'a lone surrogate': `${MARK}\ud800`,
    'the right one and a lone surrogate': after('\udfff'),
    emoji: `${MARK}👩‍💻`,
    'the right one and an emoji': after('🗝️'),
    'text from right to left': `\u202e${MARK}`,
    SQL: `${MARK}'); drop table accounts; --`,
    'a path': `../../${MARK}`,
    markup: `<b>${MARK}</b>`,
  };
}

const BAD_IDS: Record<string, unknown> = {
  'an unknown id': randomUUID(),
  'an id without dashes': randomUUID().replaceAll('-', ''),
  'an id in braces': `{${randomUUID()}}`,
  'the id of nothing': '00000000-0000-0000-0000-000000000000',
  'a number': 7,
  'a large number': Number.MAX_SAFE_INTEGER,
};

const BAD_INTEGERS: Record<string, unknown> = {
  zero: 0,
  'minus one': -1,
  'one and a half': 1.5,
  '2^31': 2 ** 31,
  '-2^31': -(2 ** 31),
  '-2^31 - 1': -(2 ** 31) - 1,
  'a huge number': 1e300,
  'a text': MARK,
  'a number as text': '7',
};

const WRONG_TYPES: Record<string, unknown> = {
  'a truth value': true,
  'a fraction': 4.25,
  'a list': [MARK],
  'an object': { [MARK]: MARK },
};

const BAD_DATES: Readonly<Record<string, unknown>> = {
  'an empty text': '',
  'another text': MARK,
  'a day without a time': '2027-01-01',
  'a time without a zone': '2027-01-01T00:00:00',
  'a day that is none': '2027-02-30T00:00:00Z',
  'an hour that is none': '2027-01-01T25:00:00Z',
  'a year of five digits': '10000-01-01T00:00:00Z',
  'a number': 7,
  NUL: '2027-01-01T00:00:00Z\u0000',
};

const BAD_TRUTHS: Record<string, unknown> = { 'a text': MARK, 'yes as text': 'true', one: 1, 'a list': [true] };

const BAD_LISTS: Record<string, unknown> = {
  'an empty list': [],
  'a list of texts': [MARK],
  'a list with null': [null],
  'a list of lists': [[MARK]],
  'a text': MARK,
  'a number': 7,
  'an object': { [MARK]: MARK },
};

const BY_TYPE: Readonly<Record<string, (right: unknown) => Record<string, unknown>>> = {
  String: (right) => ({ ...badTexts(right), ...WRONG_TYPES, 'a number': 7 }),
  ID: (right) => ({ ...badTexts(right), ...BAD_IDS, ...WRONG_TYPES }),
  Int: () => ({ ...BAD_INTEGERS, ...WRONG_TYPES }),
  DateTime: () => ({ ...BAD_DATES, ...WRONG_TYPES }),
  '[ServiceOperation!]': () => BAD_LISTS,
  Boolean: () => ({ ...BAD_TRUTHS, 'an object': { [MARK]: MARK } }),
};

/** For every argument of a field, and every field of an input object in it, all that may be wrong with it. */
export function badCases(field: Field, right: Variables): BadCase[] {
  return field.args.flatMap((arg) => {
    const { [arg.name]: value, ...rest } = right;
    const cases = badValues(arg.type, value).map(({ label, value: bad }) => ({
      label: `${arg.name}: ${label}`,
      variables: { ...rest, [arg.name]: bad },
    }));
    return isNonNullType(arg.type) ? [...cases, { label: `${arg.name}: absent`, variables: rest }] : cases;
  });
}

interface BadValue {
  readonly label: string;
  readonly value: unknown;
}

function badValues(type: GraphQLInputType, right: unknown): BadValue[] {
  const nullable = getNullableType(type);
  const ofKind = isInputObjectType(nullable) ? badObjects(nullable, right as Variables) : byTypeName(nullable, right);
  return isNonNullType(type) ? [...ofKind, { label: 'null', value: null }] : ofKind;
}

function byTypeName(type: GraphQLInputType, right: unknown): BadValue[] {
  const values = isEnumType(type)
    ? () => ({ 'an empty text': '', ...WRONG_TYPES, 'another text': MARK })
    : BY_TYPE[String(type)];
  if (values === undefined) throw new Error(`Say in bad-values.ts what may be wrong with ${String(type)}.`);
  return Object.entries(values(right)).map(([label, value]) => ({ label, value }));
}

/** Only one field of these may be given, so each is tried alone. */
const EITHER_OR = new Set(['RecoveryCodeSelector']);

function badObjects(type: GraphQLInputObjectType, right: Variables): BadValue[] {
  const fields = Object.values(type.getFields()).flatMap((field) => {
    const rest = EITHER_OR.has(type.name) ? {} : right;
    return badValues(field.type, right[field.name]).map(({ label, value }) => ({
      label: `${field.name}: ${label}`,
      value: { ...rest, [field.name]: value },
    }));
  });
  return [
    ...fields,
    { label: 'an unknown field', value: { ...right, [MARK]: MARK } },
    { label: 'a text', value: MARK },
    { label: 'a list of texts', value: [MARK] },
    { label: 'a number', value: 7 },
    { label: 'empty', value: {} },
  ];
}
