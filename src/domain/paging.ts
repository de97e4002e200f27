import { BadUserInputError } from './errors.js';
import { isId } from './ids.js';

/** The arguments of a cursor connection. */
export interface PageRequest {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

/** Of a list that is read in one direction only. */
export type ForwardRequest = Pick<PageRequest, 'first' | 'after'>;

/** A page of a list, and whether there is more behind it. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly hasMore: boolean;
}

/** How long a page is where nobody says. */
export const DEFAULT_PAGE = 20;

const MAX_PAGE = 100;

/** An opaque cursor that holds a text. */
export function cursorWith(text: string): string {
  return Buffer.from(text).toString('base64url');
}

/**
 * What a cursor holds; `read` is to take it from the cursor's text, and to answer undefined for any other text.
 * @throws BadUserInputError for what is no such cursor
 */
export function readCursor<T>(
  cursor: string | null | undefined,
  read: (text: string) => T | undefined,
  argument = 'after',
): T | undefined {
  if (cursor === null || cursor === undefined) return undefined;
  const text = Buffer.from(cursor, 'base64url').toString();
  // Decoding passes over what is no base64url.
  const held = cursorWith(text) === cursor ? read(text) : undefined;
  if (held === undefined) throw new BadUserInputError(argument, 'Give a cursor that a page of this list returned.');
  return held;
}

/** @throws BadUserInputError for a size outside 1–100 */
export function pageSizeOf(size: number | null | undefined, argument = 'first'): number | undefined {
  if (size === null || size === undefined) return undefined;
  if (size < 1 || size > MAX_PAGE) throw new BadUserInputError(argument, `Give 1 to ${MAX_PAGE}.`);
  return size;
}

/** The page in what was found, which is one more than a page where there is more. */
export function pageOf<T>(found: readonly T[], limit: number): Page<T> {
  return { items: found.slice(0, limit), hasMore: found.length > limit };
}

/** An opaque cursor for the row with this number. */
export function cursorOf(number: number): string {
  return cursorWith(`n:${number}`);
}

const NUMBER = /^n:(0|[1-9]\d{0,8})$/;

function numberIn(text: string): number | undefined {
  const digits = NUMBER.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** @throws BadUserInputError for a size outside 1–100, both sizes at once, or a cursor that is none. */
export function parsePage(request: PageRequest, defaultSize: number) {
  const first = pageSizeOf(request.first, 'first');
  const last = pageSizeOf(request.last, 'last');
  if (first !== undefined && last !== undefined) throw new BadUserInputError('last', 'Give first or last, not both.');
  return {
    after: readCursor(request.after, numberIn, 'after'),
    before: readCursor(request.before, numberIn, 'before'),
    limit: first ?? last ?? defaultSize,
    isFromEnd: last !== undefined,
  };
}

/** A page of a list that goes by id, or by another key that is told whole. */
export interface KeyPage {
  readonly after: string | undefined;
  readonly limit: number;
}

/** An opaque cursor for the row with this id. */
export function idCursorOf(id: string): string {
  return cursorWith(`i:${id}`);
}

/** @throws BadUserInputError for a size outside 1–100 or a cursor that is none. */
export function parseIdPage({ first, after }: ForwardRequest, defaultSize: number): KeyPage {
  return { after: readCursor(after, idIn), limit: pageSizeOf(first) ?? defaultSize };
}

function idIn(text: string): string | undefined {
  const id = text.slice(2);
  return text === `i:${id}` && isId(id) ? id : undefined;
}

/** Which page of what hangs on the thing with this id. */
export interface PageAsked {
  readonly id: string;
  readonly request: PageRequest;
}

interface ReadPages<Slice, T> {
  /** @throws what is then in the place of each page that is asked for so */
  readonly parse: (request: PageRequest) => Slice;
  /** Reads what hangs on each of the things, by one statement. */
  readonly read: (ids: readonly string[], slice: Slice) => Promise<(id: string) => T>;
}

/** Pages of what hangs on many things at once, read together where they are asked for alike, in the order of asking. */
export async function pagesOf<Slice, T>(
  asked: readonly PageAsked[],
  reading: ReadPages<Slice, T>,
): Promise<readonly (T | Error)[]> {
  const pages = new Map<PageAsked, T | Error>();
  for (const alike of Map.groupBy(asked, ({ request }) => wordingOf(request)).values()) {
    const pageFor = await pagesAlike(alike, reading);
    for (const one of alike) pages.set(one, pageFor(one.id));
  }
  return asked.map((one) => pages.get(one) as T | Error);
}

function wordingOf({ first, after, last, before }: PageRequest): string {
  return JSON.stringify([first, after, last, before]);
}

/** The same of lists: each page of what is read by the id that it hangs on, one more than a page where there is more. */
export async function listPagesOf<Slice extends { readonly limit: number }, T>(
  asked: readonly PageAsked[],
  reading: {
    readonly parse: (request: PageRequest) => Slice;
    readonly read: (ids: readonly string[], slice: Slice) => Promise<ReadonlyMap<string, readonly T[]>>;
  },
): Promise<readonly (Page<T> | Error)[]> {
  return await pagesOf(asked, {
    parse: reading.parse,
    read: async (ids, slice) => {
      const found = await reading.read(ids, slice);
      return (id) => pageOf(found.get(id) ?? [], slice.limit);
    },
  });
}

async function pagesAlike<Slice, T>(
  alike: readonly PageAsked[],
  { parse, read }: ReadPages<Slice, T>,
): Promise<(id: string) => T | Error> {
  let slice: Slice;
  try {
    slice = parse(alike[0]?.request ?? {});
  } catch (error) {
    return () => error as Error;
  }
  return await read([...new Set(alike.map(({ id }) => id))], slice);
}
