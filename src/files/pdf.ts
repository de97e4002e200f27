import { buffer } from 'node:stream/consumers';
import type { CodeSheet } from '../domain/copies/code-sheet.js';
import { drawAdvice } from './pdf/draw-advice.js';
import { drawCodes } from './pdf/draw-codes.js';
import { drawHead } from './pdf/draw-head.js';
import { oneLine } from './pdf/shown-text.js';
import { styles } from './pdf/styles.js';
import { AREA } from './pdf/tagged-document.js';
import { TaggedPages } from './pdf/tagged-pages.js';

/** Below it stands nothing but the footer. */
const BOTTOM = AREA.bottom - 20;

/** A sheet to print: the codes to tick off, and how to use them. On A4, and safe on US Letter. */
export async function pdf(sheet: CodeSheet): Promise<Buffer> {
  const title = ['Recovery codes', oneLine(sheet.siteName)].filter((part) => part !== '').join(' · ');
  const pages = new TaggedPages(title, BOTTOM);
  drawHead(pages, sheet);
  drawCodes(pages, sheet.codes);
  drawAdvice(pages);
  pages.footers((page, count) => {
    if (count === 1) return;
    const text = `Recovery codes · Batch ${sheet.batchNumber} · Page ${page} of ${count}`;
    pages.lines([text], { x: AREA.left, y: AREA.bottom - styles.footer.leading }, styles.footer);
  });
  return await buffer(pages.end());
}
