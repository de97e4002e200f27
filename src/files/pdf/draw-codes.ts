import type { CodeSheet } from '../../domain/copies/code-sheet.js';
import { INK, LINE, styles } from './styles.js';
import { AREA } from './tagged-document.js';
import type { Element, Style, TaggedPages } from './tagged-pages.js';

/** Within a row, from its left end. */
const ROW = { boxLeft: 12, boxSize: 11, numberRight: 48, codeLeft: 60, codeRightMargin: 12 };
const ROW_HEIGHT = 28;
/** Above and below a code of several lines, taken together. */
const LINES_MARGIN = 10;

const LARGEST = 13;
/** Rather than smaller, codes go over several lines. */
const SMALLEST = 8.5;
/** Rather than smaller, they are not set side by side. */
const SMALLEST_BESIDE = 11.5;
/** So many are one below the other however short they are. */
const FEW = 12;
/** A page does not end with fewer rows of more. */
const ROWS_TOGETHER = 3;

type Codes = CodeSheet['codes'];

interface Grid {
  readonly style: Style;
  readonly columns: number;
  readonly columnWidth: number;
  readonly rowHeight: number;
  readonly linesOf: (code: string) => string[];
}

/** Draws the codes, each with its number and a box to tick: down one column, then the next; none goes over two pages. */
export function drawCodes(pages: TaggedPages, codes: Codes): void {
  const grid = gridFor(pages, codes);
  const list = pages.numberedList();
  for (let rest = codes; rest.length > 0;) {
    const needed = Math.ceil(rest.length / grid.columns);
    pages.ensureRoom(Math.min(needed, ROWS_TOGETHER) * grid.rowHeight);
    const rows = Math.min(needed, Math.max(1, Math.floor((pages.bottom - pages.y) / grid.rowHeight)));
    const shown = rest.slice(0, rows * grid.columns);
    drawFrame(pages, grid, rows);
    shown.forEach((code, index) => {
      const x = AREA.left + Math.floor(index / rows) * grid.columnWidth;
      const middle = pages.y + ((index % rows) + 0.5) * grid.rowHeight;
      drawBox(pages, x + ROW.boxLeft, middle);
      const item = pages.tag('LI', undefined, list);
      drawCode(pages, code, { item, grid, x, middle });
    });
    pages.y += rows * grid.rowHeight;
    rest = rest.slice(shown.length);
  }
}

/** As large as the longest code lets them be. */
function gridFor(pages: TaggedPages, codes: Codes): Grid {
  const longest = codes.reduce((most, { code }) => (code.length > most.length ? code : most), '');
  const width = AREA.right - AREA.left;
  const sizeOf = (columns: number, lines: number) => {
    const room = width / columns - ROW.codeLeft - ROW.codeRightMargin;
    return room / Math.max(...inLines(longest, lines).map((line) => pages.widthOf(line, codeStyle(1))));
  };
  const columns = codes.length > FEW && sizeOf(2, 1) >= SMALLEST_BESIDE ? 2 : 1;
  const groups = longest.split('-').length;
  let lines = 1;
  while (lines < groups && sizeOf(columns, lines) < SMALLEST) lines += 1;
  const style = codeStyle(Math.min(LARGEST, sizeOf(columns, lines)));
  const rowHeight = Math.max(ROW_HEIGHT, lines * style.leading + LINES_MARGIN);
  return { style, columns, columnWidth: width / columns, rowHeight, linesOf: (code) => inLines(code, lines) };
}

/** At most so many lines, broken after dashes, with as many groups on each but the last. */
function inLines(code: string, lines: number): string[] {
  const groups = code.split(/(?<=-)/);
  const each = Math.ceil(groups.length / lines);
  return Array.from({ length: Math.ceil(groups.length / each) }, (_, line) =>
    groups.slice(line * each, (line + 1) * each).join(''),
  );
}

function codeStyle(size: number): Style {
  return { font: 'code', size, leading: size * 1.3, color: INK };
}

function drawFrame(pages: TaggedPages, { columns, columnWidth, rowHeight }: Grid, rows: number): void {
  pages.ornament((doc) => {
    const { y: top } = pages;
    const [width, height] = [AREA.right - AREA.left, rows * rowHeight];
    doc.lineWidth(0.75).strokeColor(LINE);
    doc.roundedRect(AREA.left, top, width, height, 4).stroke();
    for (let row = 1; row < rows; row += 1) {
      doc
        .moveTo(AREA.left, top + row * rowHeight)
        .lineTo(AREA.right, top + row * rowHeight)
        .stroke();
    }
    for (let column = 1; column < columns; column += 1) {
      const x = AREA.left + column * columnWidth;
      doc
        .moveTo(x, top)
        .lineTo(x, top + height)
        .stroke();
    }
  });
}

function drawBox(pages: TaggedPages, x: number, middle: number): void {
  pages.ornament((doc) => {
    doc.lineWidth(0.9).strokeColor(INK);
    doc.rect(x, middle - ROW.boxSize / 2, ROW.boxSize, ROW.boxSize).stroke();
  });
}

interface Row {
  readonly item: Element;
  readonly grid: Grid;
  readonly x: number;
  readonly middle: number;
}

function drawCode(pages: TaggedPages, { position, code }: Codes[number], { item, grid, x, middle }: Row): void {
  const { number } = styles;
  const label = String(position);
  const labelPlace = { x: x + ROW.numberRight - pages.widthOf(label, number), y: middle - number.leading / 2 };
  pages.tag('Lbl', () => pages.lines([label], labelPlace, number), item);
  const { style } = grid;
  const lines = grid.linesOf(code);
  const place = { x: x + ROW.codeLeft, y: middle - (lines.length * style.leading) / 2 };
  pages.tag('LBody', () => pages.linesOfOne(code, lines, { place, style }), item);
}
