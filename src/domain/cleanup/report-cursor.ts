import { BadUserInputError } from '../errors.js';

const CURSOR = /^r:(\d{1,18})$/;

/** An opaque cursor for the place of a run in the order in which runs ended. */
export function reportCursorOf(place: string): string {
  return Buffer.from(`r:${place}`).toString('base64url');
}

/** @throws BadUserInputError for what is no report's cursor */
export function placeOfCursor(cursor: string): string {
  const place = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('latin1'))?.[1];
  // Decoding passes over what is no base64url.
  if (place !== undefined && reportCursorOf(place) === cursor) return place;
  throw new BadUserInputError('after', "Give a purge report's cursor.");
}
