import type { CodeSheet } from '../../src/domain/copies/code-sheet.js';
import { newCodes } from '../../src/domain/codes/code-format.js';

export const DEFAULT_FORMAT = { groups: 6, groupLength: 6 };

/** A sheet of so many fresh codes. */
export function codeSheet(count = 10, format = DEFAULT_FORMAT, changes: Partial<CodeSheet> = {}): CodeSheet {
  return {
    siteName: 'Acme Keys',
    account: 'ada.lovelace@example.org',
    batchNumber: 3,
    issuedAt: new Date('2026-11-22T07:14:05.678Z'),
    expiresAt: new Date('2027-11-22T07:14:05.678Z'),
    codes: newCodes(count, format).map((code, index) => ({ position: index + 1, code })),
    ...changes,
  };
}
