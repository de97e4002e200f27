import { stringify } from 'csv-stringify/sync';
import type { CodeSheet } from '../domain/copies/code-sheet.js';

/** RFC 4180 with a header; no spreadsheet takes a cell for a formula. */
export function csvText({ codes }: CodeSheet): string {
  return stringify([...codes], {
    header: true,
    columns: ['position', 'code'],
    record_delimiter: 'windows',
    quote_record_delimiter: true,
    escape_formulas: true,
  });
}
