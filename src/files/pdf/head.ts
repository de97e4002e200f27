import type { CodeSheet } from '../../domain/copies/code-sheet.js';
import { AREA } from './document.js';
import { shownText } from './shown-text.js';
import { LINE, styles } from './styles.js';
import type { TaggedPages } from './tagged-pages.js';

const WIDTH = AREA.right - AREA.left;
const FACT_LEFTS = [0, 84, 290];
/** An account of more lines is set smaller. */
const FEW_LINES = 3;
const GAP = 7;

const date = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });
const time = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
  timeZone: 'UTC',
});

/** What the codes are, whose, and from when until when. */
export function drawHead(pages: TaggedPages, sheet: CodeSheet): void {
  const { text, font } = shownText(sheet.siteName);
  const site = { ...styles.site, font };
  pages.tag('P', () => pages.put(pages.linesOf(text, WIDTH, site), AREA.left, site));
  pages.tag('H1', () => pages.put(['Recovery codes'], AREA.left, styles.title));
  drawRule(pages);
  drawAccount(pages, sheet.account);
  pages.y += GAP;
  const facts = [
    ['Batch', String(sheet.batchNumber)],
    ['Issued', utcText(sheet.issuedAt)],
    ['Expires', sheet.expiresAt === null ? 'Never' : utcText(sheet.expiresAt)],
  ] as const;
  facts.forEach(([label, fact], index) => {
    const x = AREA.left + (FACT_LEFTS[index] ?? 0);
    pages.tag('P', () => {
      pages.lines([label], { x, y: pages.y }, styles.label);
      pages.lines([fact], { x, y: pages.y + styles.label.leading }, styles.value);
    });
  });
  pages.y += styles.label.leading + styles.value.leading + 2 * GAP;
}

function drawAccount(pages: TaggedPages, account: string): void {
  const { text, font } = shownText(account);
  const usual = { ...styles.value, font };
  const isShort = pages.linesOf(text, WIDTH, usual).length <= FEW_LINES;
  const style = isShort ? usual : { ...styles.longValue, font };
  pages.tag('P', () => {
    pages.put(['Account'], AREA.left, styles.label);
    pages.put(pages.linesOf(text, WIDTH, style), AREA.left, style);
  });
}

function drawRule(pages: TaggedPages): void {
  pages.y += GAP;
  pages.ornament((doc) => doc.lineWidth(0.75).moveTo(AREA.left, pages.y).lineTo(AREA.right, pages.y).stroke(LINE));
  pages.y += GAP;
}

/** "22 November 2026, 07:14 UTC". @throws RangeError for a date that is none */
function utcText(at: Date): string {
  return `${date.format(at)}, ${time.format(at)} UTC`;
}
