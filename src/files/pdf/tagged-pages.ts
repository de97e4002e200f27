import type { FontName } from './fonts.js';
import { brokenLines, visualRuns } from './shown-text.js';
import { AREA, TaggedDocument } from './tagged-document.js';

/** How a text looks; sizes in points, `leading` from one line to the next. */
export interface Style {
  readonly font: FontName;
  readonly size: number;
  readonly leading: number;
  readonly color: string;
}

/** The upper left corner of something. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

export type Element = ReturnType<TaggedDocument['struct']>;

/** Height of a capital above what it stands on, as a share of the size. */
const CAPITAL = 0.67;

/** Pages that are filled from top to bottom, all that is on them either tagged or marked as ornament. */
export class TaggedPages {
  /** Down to where this page is full. */
  y = AREA.top;
  private readonly doc: TaggedDocument;
  private readonly root: Element;

  /** Below `bottom` stand footers only. */
  constructor(
    title: string,
    readonly bottom: number,
  ) {
    this.doc = new TaggedDocument(title);
    this.root = this.doc.struct('Document');
    this.doc.addStructure(this.root);
  }

  /** An element of the document or of another element; what is drawn meanwhile is its content. */
  tag(type: string, draw?: () => void, within = this.root): Element {
    const element = this.doc.struct(type, {}, draw === undefined ? undefined : [draw]);
    within.add(element);
    return element;
  }

  /** A list whose items have numbers for labels. */
  numberedList(): Element {
    const list = this.tag('L');
    // The library has no option for it.
    const { dictionary } = list as unknown as { readonly dictionary: { readonly data: Record<string, unknown> } };
    dictionary.data.A = { O: 'List', ListNumbering: 'Decimal' };
    return list;
  }

  /** What is there to be seen, and says nothing. */
  ornament(draw: (doc: TaggedDocument) => void): void {
    this.artifact('Layout', () => draw(this.doc));
  }

  /** The same on each page that there is by now. */
  footers(draw: (page: number, pages: number) => void): void {
    const { start, count } = this.doc.bufferedPageRange();
    for (let index = 0; index < count; index += 1) {
      this.doc.switchToPage(start + index);
      this.artifact('Pagination', () => draw(index + 1, count));
    }
  }

  /** Goes on at the top of a new page unless so much fits on this one. */
  ensureRoom(height: number): void {
    if (this.y + height <= this.bottom) return;
    this.doc.addPage();
    this.y = AREA.top;
  }

  widthOf(text: string, style: Style): number {
    return this.use(style).widthOfString(text);
  }

  /** The text in lines no wider than that. */
  linesOf(text: string, width: number, style: Style): string[] {
    this.use(style);
    return brokenLines(text, width, (part) => this.doc.widthOfString(part));
  }

  /** Sets lines one below the other, each in the middle of its leading; they may run from right to left. */
  lines(lines: readonly string[], place: Place, style: Style): void {
    const { size, leading } = style;
    this.use(style);
    lines.forEach((line, index) => {
      this.doc.x = place.x;
      const y = place.y + index * leading + (leading + size * CAPITAL) / 2;
      for (const { text, isLeftwards } of visualRuns(line)) {
        // With features named, even none, a run is shaped as a whole; else the library sets word after word from the left.
        const whole = isLeftwards ? { features: [] } : {};
        this.doc.text(text, this.doc.x, y, { ...whole, lineBreak: false, baseline: 'alphabetic' });
      }
    });
  }

  /** Sets lines at the left end given, and goes on below them. */
  put(lines: readonly string[], x: number, style: Style): void {
    this.lines(lines, { x, y: this.y }, style);
    this.y += lines.length * style.leading;
  }

  /** The same, for a text that was broken without a space: whoever copies it gets it whole. */
  linesOfOne(text: string, lines: readonly string[], at: { readonly place: Place; readonly style: Style }): void {
    if (lines.length > 1) this.doc.markContent('Span', { actual: text });
    this.lines(lines, at.place, at.style);
    if (lines.length > 1) this.doc.endMarkedContent();
  }

  /** The whole as a file. */
  end(): NodeJS.ReadableStream {
    this.doc.end();
    return this.doc;
  }

  private artifact(type: 'Layout' | 'Pagination', draw: () => void): void {
    this.doc.markContent('Artifact', { type });
    draw();
    this.doc.endMarkedContent();
  }

  private use({ font, size, color }: Style): TaggedDocument {
    return this.doc.font(font).fontSize(size).fillColor(color);
  }
}
