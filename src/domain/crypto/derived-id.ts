import { createHash } from 'node:crypto';
import { stringify } from 'uuid';

const UUID_BYTES = 16;

/** A UUID that is always the same for the same name, and tells nothing of it: version 8 of RFC 9562, made by a rule of our own. */
export function derivedId(...name: readonly (string | null)[]): string {
  const bytes = createHash('sha256').update(JSON.stringify(name)).digest().subarray(0, UUID_BYTES);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return stringify(bytes);
}
