import { BadUserInputError } from './errors.js';
import { isId } from './ids.js';

/** The arguments of a cursor connection. */
export interface PageRequest {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

const MAX_PAGE = 100;
const CURSOR = /^n:(\d{1,9})$/;

/** An opaque cursor for the row with this number. */
export function cursorOf(number: number): string {
  return Buffer.from(`n:${number}`).toString('base64url');
}

function numberOf(cursor: string | null | undefined, argument: string): number | undefined {
  if (cursor === null || cursor === undefined) return undefined;
  const number = Number(CURSOR.exec(Buffer.from(cursor, 'base64url').toString('latin1'))?.[1]);
  // Decoding passes over what is no base64url.
  if (cursorOf(number) !== cursor) {
    throw new BadUserInputError(argument, 'Give a cursor that a page of this list returned.');
  }
  return number;
}

function sizeOf(size: number | null | undefined, argument: string): number | undefined {
  if (size === null || size === undefined) return undefined;
  if (size < 1 || size > MAX_PAGE) throw new BadUserInputError(argument, `Give 1 to ${MAX_PAGE}.`);
  return size;
}

/** @throws BadUserInputError for a size outside 1–100, both sizes at once, or a cursor that is none. */
export function parsePage(request: PageRequest, defaultSize: number) {
  const first = sizeOf(request.first, 'first');
  const last = sizeOf(request.last, 'last');
  if (first !== undefined && last !== undefined) throw new BadUserInputError('last', 'Give first or last, not both.');
  return {
    after: numberOf(request.after, 'after'),
    before: numberOf(request.before, 'before'),
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
  return Buffer.from(`i:${id}`).toString('base64url');
}

/** @throws BadUserInputError for a size outside 1–100 or a cursor that is none. */
export function parseIdPage({ first, after }: Pick<PageRequest, 'first' | 'after'>, defaultSize: number): KeyPage {
  return { after: idOf(after), limit: sizeOf(first, 'first') ?? defaultSize };
}

function idOf(cursor: string | null | undefined): string | undefined {
  if (cursor === null || cursor === undefined) return undefined;
  const id = Buffer.from(cursor, 'base64url').toString('latin1').slice(2);
  if (isId(id) && idCursorOf(id) === cursor) return id;
  throw new BadUserInputError('after', 'Give a cursor that a page of this list returned.');
}
