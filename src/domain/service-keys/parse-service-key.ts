import { randomUUID } from 'node:crypto';
import { SERVICE_OPERATIONS, type ServiceOperation } from '../access/viewer.js';
import { BadUserInputError } from '../errors.js';
import { isOneLine } from '../one-line.js';

/** What an admin asks for. */
export interface ServiceKeyInput {
  readonly name: string;
  /** Absent or null: a new one. */
  readonly realm?: string | null | undefined;
  /** Absent or null: all. */
  readonly operations?: readonly ServiceOperation[] | null | undefined;
  /** Absent or null: it never expires. */
  readonly expiresInDays?: number | null | undefined;
}

/** The same, checked. */
export interface ParsedServiceKey {
  readonly name: string;
  readonly realm: string;
  readonly operations: readonly ServiceOperation[];
  readonly expiresInDays: number | null;
}

const MOST_NAME_CHARACTERS = 100;
const MOST_DAYS = 36_500;
const REALM = /^[a-z0-9-]{1,64}$/;

/** @throws BadUserInputError that names the field at fault */
export function parseServiceKey(input: ServiceKeyInput): ParsedServiceKey {
  const { name } = input;
  if (!isOneLine(name, MOST_NAME_CHARACTERS)) {
    throw new BadUserInputError('input.name', `Give one line of 1 to ${MOST_NAME_CHARACTERS} characters.`);
  }
  return {
    name,
    realm: parseRealm(input.realm),
    operations: parseOperations(input.operations),
    expiresInDays: parseExpiry(input.expiresInDays),
  };
}

/** A made-up one that nobody else has: a key for it acts for users of its own. */
function parseRealm(realm: string | null | undefined): string {
  if (realm === null || realm === undefined) return randomUUID();
  if (REALM.test(realm)) return realm;
  throw new BadUserInputError('input.realm', 'Give 1 to 64 small letters, digits and dashes, or none for a new realm.');
}

/** Each once, in a fixed order. */
function parseOperations(operations: ServiceKeyInput['operations']): readonly ServiceOperation[] {
  if (operations === null || operations === undefined) return SERVICE_OPERATIONS;
  if (operations.length > 0) return SERVICE_OPERATIONS.filter((operation) => operations.includes(operation));
  throw new BadUserInputError('input.operations', 'Give at least one operation, or leave them out for all.');
}

function parseExpiry(days: number | null | undefined): number | null {
  if (days === null || days === undefined) return null;
  if (Number.isInteger(days) && days >= 1 && days <= MOST_DAYS) return days;
  throw new BadUserInputError(
    'input.expiresInDays',
    `Give 1 to ${MOST_DAYS} days, or none for a key that never expires.`,
  );
}
