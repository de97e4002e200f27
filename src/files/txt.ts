import type { CodeSheet } from '../domain/copies/code-sheet.js';

/** The codes and nothing else, one a line. */
export function plainText({ codes }: CodeSheet): string {
  return codes.map(({ code }) => `${code}\n`).join('');
}
