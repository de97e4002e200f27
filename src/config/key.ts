import { randomBytes } from 'node:crypto';
import type { Complaint } from './problem.js';
import type { Kind, Refuse } from './setting.js';
import { kind, list } from './setting.js';

/** The least number of bytes in a RECOVERY_KEY. */
export const MIN_KEY_BYTES = 32;
const MAX_KEY_BYTES = 1024;

const complaint: Complaint = {
  id: 'E010',
  message: `Must be base64url of at least ${MIN_KEY_BYTES} random bytes.`,
  hint: 'Let `sparekey generate-key` make one.',
};

/** A RECOVERY_KEY. */
export const recoveryKey: Kind<Buffer> = kind('base64url of 32 bytes or more', readKey);

/** Keys of earlier times, newest first. */
export const recoveryKeys: Kind<readonly Buffer[]> = list('list of keys', readKey);

/** The bytes of a key written in base64url, or undefined where the text is anything else or too short. */
export function parseKey(text: string): Buffer | undefined {
  const unpadded = text.replace(/={1,2}$/, '');
  const bytes = Buffer.from(unpadded, 'base64url');
  // Buffer.from skips what it does not understand: only a text that comes back was understood whole.
  const isExact = bytes.toString('base64url') === unpadded;
  return isExact && bytes.length >= MIN_KEY_BYTES && bytes.length <= MAX_KEY_BYTES ? bytes : undefined;
}

/**
 * A new random key in base64url, fit for a `.env` file and any shell.
 *
 * @param bytes how many random bytes it holds
 * @throws RangeError below 32 or above 1024 bytes
 */
export function generateKey(bytes: number = MIN_KEY_BYTES): string {
  if (!Number.isInteger(bytes) || bytes < MIN_KEY_BYTES || bytes > MAX_KEY_BYTES) {
    throw new RangeError(`A key has ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES} bytes.`);
  }
  return randomBytes(bytes).toString('base64url');
}

function readKey(text: string, refuse: Refuse): Buffer {
  return parseKey(text) ?? refuse(complaint);
}
