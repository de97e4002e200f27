import { BadUserInputError } from '../errors.js';
import { isCommonPassword } from './common-passwords.js';

const MAX_PASSWORD_BYTES = 1024;
const MIN_PART_LENGTH = 4;

export interface PasswordContext {
  readonly path: string;
  readonly email: string;
  readonly siteName: string;
  readonly minLength: number;
}

/** A password as it is hashed and compared: Unicode in NFKC (NIST SP 800-63B-4 §3.1.1.2). */
export function normalizePassword(typed: string): string {
  return typed.normalize('NFKC');
}

/**
 * Checks a password chosen anew; the message never holds it.
 * @throws BadUserInputError when it is too short or long, common, or holds the site's name or the address.
 */
export async function checkNewPassword(
  typed: string,
  { path, email, siteName, minLength }: PasswordContext,
): Promise<void> {
  const password = normalizePassword(typed);
  const refuse = (message: string) => {
    throw new BadUserInputError(path, message);
  };
  if ([...password].length < minLength) refuse(`Choose a password of at least ${minLength} characters.`);
  if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES)
    refuse(`Choose a password of at most ${MAX_PASSWORD_BYTES} bytes.`);
  if (await isCommonPassword(password)) refuse('This password is among the most common ones. Choose another.');
  const compared = password.toLowerCase();
  const parts = [siteName, email, email.split('@', 1)[0] ?? ''].map((part) => normalizePassword(part).toLowerCase());
  if (parts.some((part) => part.length >= MIN_PART_LENGTH && compared.includes(part))) {
    refuse('Choose a password without your address or the name of this site in it.');
  }
}
