import type { CodeSheet, ExportFormat, RenderCodeFile } from '../domain/copies/code-sheet.js';
import { csvText } from './csv.js';
import { jsonText } from './json.js';
import { plainText } from './txt.js';

interface Format {
  readonly extension: string;
  readonly mediaType: string;
  readonly write: (sheet: CodeSheet) => string | Promise<Buffer>;
}

const formats: Readonly<Record<ExportFormat, Format>> = {
  TXT: { extension: 'txt', mediaType: 'text/plain; charset=utf-8', write: plainText },
  CSV: { extension: 'csv', mediaType: 'text/csv; charset=utf-8; header=present', write: csvText },
  JSON: { extension: 'json', mediaType: 'application/json', write: jsonText },
  PDF: { extension: 'pdf', mediaType: 'application/pdf', write: pdfBytes },
};

/**
 * Renders a sheet in memory: the same codes, in the same order, whatever the format.
 *
 * @throws RangeError for a date that is none
 */
export const renderCodeFile: RenderCodeFile = async (format, sheet) => {
  const { extension, mediaType, write } = formats[format];
  const written = await write(sheet);
  return { extension, mediaType, bytes: typeof written === 'string' ? Buffer.from(written, 'utf8') : written };
};

/** Fonts and what writes PDF are loaded by the first that is asked for: a server that never is has no use for their memory. */
async function pdfBytes(sheet: CodeSheet): Promise<Buffer> {
  const { pdf } = await import('./pdf.js');
  return await pdf(sheet);
}
