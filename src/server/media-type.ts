export const JSON_TYPE = 'application/json';
export const GRAPHQL_TYPE = 'application/graphql-response+json';

export type AnswerType = typeof JSON_TYPE | typeof GRAPHQL_TYPE;

interface Offer {
  readonly type: AnswerType;
  readonly quality: number;
  readonly specificity: number;
  readonly order: number;
}

/**
 * In which of the two media types a GraphQL answer is wanted (RFC 9110 §12.5.1), application/json where it makes no
 * difference; undefined if neither is acceptable.
 */
export function negotiateAnswerType(accept: string | undefined): AnswerType | undefined {
  if (accept === undefined || accept.trim() === '' || accept === '*/*' || accept === JSON_TYPE) return JSON_TYPE;
  const ranges = accept.split(',').map(parseRange);
  const offers = [JSON_TYPE, GRAPHQL_TYPE].map((type) => offerOf(type as AnswerType, ranges));
  const [best] = offers.filter(({ quality }) => quality > 0).sort(byPreference);
  return best?.type;
}

type Range = ReturnType<typeof parseRange>;

function parseRange(text: string, order: number) {
  const [name = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const quality = parameters.find((parameter) => parameter.startsWith('q='));
  return { name, order, quality: quality === undefined ? 1 : Number(quality.slice(2)) || 0 };
}

const SPECIFICITY: ReadonlyArray<(name: string, type: AnswerType) => boolean> = [
  (name) => name === '*/*',
  (name) => name === 'application/*',
  (name, type) => name === type,
];

/** The most specific range that covers a type decides on it. */
function offerOf(type: AnswerType, ranges: readonly Range[]): Offer {
  for (let specificity = SPECIFICITY.length - 1; specificity >= 0; specificity -= 1) {
    const range = ranges.find(({ name }) => SPECIFICITY[specificity]?.(name, type));
    if (range) return { type, specificity, quality: range.quality, order: range.order };
  }
  return { type, quality: 0, specificity: 0, order: 0 };
}

function byPreference(one: Offer, other: Offer): number {
  return other.quality - one.quality || other.specificity - one.specificity || one.order - other.order;
}
