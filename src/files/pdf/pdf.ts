import { buffer } from 'node:stream/consumers';
import type { CodeSheet } from '../../domain/copies/code-sheet.js';
import { drawAdvice } from './advice.js';
import { drawCodes } from './code-grid.js';
import { AREA } from './document.js';
import { drawHead } from './head.js';
import { oneLine } from './shown-text.js';
import { styles } from './styles.js';
import { TaggedPages } from './tagged-pages.js';

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
