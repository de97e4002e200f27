import type { CodeSheet } from '../../domain/copies/code-sheet.js';
import { shownText } from './shown-text.js';
import { LINE, styles } from './styles.js';
import { AREA } from './tagged-document.js';
import type { Style, TaggedPages } from './tagged-pages.js';

const WIDTH = AREA.right - AREA.left;
const FACT_LEFTS = [0, 84, 290];
/** What a name may take of the page before it is set smaller, in points. */
const NAME_HEIGHT = 45;
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
  pages.tag('P', () => putName(pages, sheet.siteName, [styles.site, styles.longSite]));
  pages.tag('H1', () => pages.put(['Recovery codes'], AREA.left, styles.title));
  drawRule(pages);
  pages.tag('P', () => {
    pages.put(['Account '], AREA.left, styles.label);
    putName(pages, sheet.account, [styles.value, styles.longValue, styles.longestValue]);
  });
  pages.y += GAP;
  const facts = [
    ['Batch', String(sheet.batchNumber)],
    ['Issued', utcText(sheet.issuedAt)],
    ['Expires', sheet.expiresAt === null ? 'Never' : utcText(sheet.expiresAt)],
  ] as const;
  facts.forEach(([label, fact], index) => {
    const x = AREA.left + (FACT_LEFTS[index] ?? 0);
    pages.tag('P', () => {
      pages.lines([`${label} `], { x, y: pages.y }, styles.label);
      pages.lines([fact], { x, y: pages.y + styles.label.leading }, styles.value);
    });
  });
  pages.y += styles.label.leading + styles.value.leading + 2 * GAP;
}

/** Whatever the name is, in the first of the styles in which it is not too long, or else in the last. */
function putName(pages: TaggedPages, name: string, sizes: readonly Style[]): void {
  const { text, font } = shownText(name);
  const settings = sizes.map((size) => {
    const style = { ...size, font };
    return { style, lines: pages.linesOf(text, WIDTH, style) };
  });
  const chosen = settings.find(({ style, lines }) => lines.length * style.leading <= NAME_HEIGHT) ?? settings.at(-1);
  if (chosen !== undefined) pages.put(chosen.lines, AREA.left, chosen.style);
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
