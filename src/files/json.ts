import type { CodeSheet } from '../domain/copies/code-sheet.js';

/** All of the sheet, times in ISO 8601 and UTC. */
export function jsonText({ siteName, account, batchNumber, issuedAt, expiresAt, codes }: CodeSheet): string {
  const content = {
    siteName,
    account,
    batchNumber,
    issuedAt: issuedAt.toISOString(),
    expiresAt: expiresAt === null ? null : expiresAt.toISOString(),
    codes: codes.map(({ position, code }) => ({ position, code })),
  };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}
