import { randomInt } from 'node:crypto';

/** Letters and digits that print and read apart: no 0 O o, no 1 I l. */
export const CODE_ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789';

export interface CodeFormat {
  readonly groups: number;
  readonly groupLength: number;
}

/** A code as it is printed: groups joined by dashes, each character drawn without bias from the OS's CSPRNG. */
export function newCode({ groups, groupLength }: CodeFormat): string {
  const group = () =>
    Array.from({ length: groupLength }, () => CODE_ALPHABET[randomInt(CODE_ALPHABET.length)]).join('');
  return Array.from({ length: groups }, group).join('-');
}

/** `count` codes, no two alike. */
export function newCodes(count: number, format: CodeFormat): string[] {
  const codes = new Set<string>();
  while (codes.size < count) codes.add(newCode(format));
  return [...codes];
}

/** What is hashed of a typed code: dashes and white space are dropped, nothing else is changed. */
export function normalizeCode(typed: string): string {
  return typed.replaceAll(/[-\s]/gu, '');
}

/** Entropy of one code, in bits. */
export function codeEntropyBits({ groups, groupLength }: CodeFormat): number {
  return groups * groupLength * Math.log2(CODE_ALPHABET.length);
}
