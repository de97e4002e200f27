import { beforeAll, describe, expect, it } from '@jest/globals';
import { CODE_ALPHABET } from '../../src/domain/codes/code-format.js';
import type { CodeSheet } from '../../src/domain/copies/code-sheet.js';
import { fontForDocument, type FontName } from '../../src/files/pdf/fonts.js';
import { renderCodeFile } from '../../src/files/render-code-file.js';
import { codeSheet, DEFAULT_FORMAT } from '../support/code-sheets.js';
import { imageOf, likeness } from '../support/pdf-image.js';
import {
  type PdfTag,
  type PdfText,
  pagesOf,
  streamsOf,
  tagsOf,
  textsOf,
  unmarkedOn,
  withPdf,
} from '../support/pdf-reading.js';

const LETTER_HEIGHT = 792;
const A4 = { width: 595.28, height: 841.89 };
/** What printers leave white, in points. */
const EDGE = 18;

const sheet = codeSheet();
const render = async (of: CodeSheet) => (await renderCodeFile('PDF', of)).bytes;
const bytes = await render(sheet);
const texts = await textsOf(bytes);
const said = texts.map(({ text }) => text);

const find = (text: string, among = texts) => among.find((item) => item.text === text) as PdfText;

describe('what a reader copies out of it', () => {
  it('has each code whole, with its number before it, in order', () => {
    const listed = sheet.codes.flatMap(({ position, code }) => [String(position), code]);
    const start = said.indexOf('1');
    expect(said.slice(start, start + listed.length)).toEqual(listed);
  });

  it('has what the codes are, whose, and from when until when', () => {
    const head = said.slice(0, said.indexOf('1'));
    expect(head).toEqual([
      'Acme Keys',
      'Recovery codes',
      'Account',
      'ada.lovelace@example.org',
      'Batch',
      '3',
      'Issued',
      '22 November 2026, 07:14 UTC',
      'Expires',
      '22 November 2027, 07:14 UTC',
    ]);
  });

  it('says so when codes never expire', async () => {
    const forever = (await textsOf(await render({ ...sheet, expiresAt: null }))).map(({ text }) => text);
    expect(forever[forever.indexOf('Expires') + 1]).toBe('Never');
  });

  it('tells what to do with the codes', () => {
    const advice = said.slice(said.indexOf('How to use these codes')).join(' ');
    for (const words of [
      'phone is lost',
      'works once',
      'Tick its box',
      'without your phone',
      'newest batch',
      'issue new',
    ]) {
      expect(advice).toContain(words);
    }
    expect(advice).toContain('No code has a zero or a one, a capital I or O, or a small l or o in it');
    expect(CODE_ALPHABET).not.toMatch(/[01IOlo]/);
  });

  it('says on one page nothing of pages', () => {
    expect(said.join(' ')).not.toMatch(/Page \d/);
  });
});

describe('the document', () => {
  it('has a title that viewers show, a language, and no author', async () => {
    await withPdf(bytes, async (pdf) => {
      const { info, metadata } = await pdf.getMetadata();
      expect(info).toMatchObject({ Title: 'Recovery codes · Acme Keys', Language: 'en', Creator: 'Sparekey' });
      expect(info).not.toHaveProperty('Author');
      expect(Object.fromEntries(metadata)).toMatchObject({
        'dc:title': 'Recovery codes · Acme Keys',
        'pdfuaid:part': '1',
      });
      expect(await pdf.getViewerPreferences()).toEqual(new Map([['DisplayDocTitle', true]]));
    });
  });

  it('has the title in its XML too, whatever the site is called', async () => {
    const named = await render({ ...sheet, siteName: 'A&B <i>"C"</i>\u0000' });
    await withPdf(named, async (pdf) => {
      const { info, metadata } = await pdf.getMetadata();
      expect(info).toMatchObject({ Title: 'Recovery codes · A&B <i>"C"</i>' });
      expect(metadata.get('dc:title')).toBe('Recovery codes · A&B <i>"C"</i>');
    });
  });

  it('is tagged: headings, and a list of numbers and codes', async () => {
    const tags = await withPdf(bytes, async (pdf) => {
      expect(Object.fromEntries((await pdf.getMarkInfo()) as never)).toMatchObject({ Marked: true });
      const [page] = await pagesOf(pdf);
      return await tagsOf(page!);
    });
    const [document] = tags.children;
    expect(document?.role).toBe('Document');
    expect(textsIn(document!, 'H1')).toEqual(['Recovery codes']);
    expect(textsIn(document!, 'H2')).toEqual(['How to use these codes']);
    expect(textsIn(document!, 'Lbl')).toEqual(sheet.codes.map(({ position }) => String(position)));
    expect(textsIn(document!, 'LBody')).toEqual(sheet.codes.map(({ code }) => code));
    expect(textsIn(document!, 'P')).toEqual(expect.arrayContaining(['Account\nada.lovelace@example.org']));
  });

  it('has all its text in its tags', async () => {
    const tags = await withPdf(bytes, async (pdf) => await tagsOf((await pagesOf(pdf))[0]!));
    const tagged = tags.text.replaceAll(/\s/g, '');
    expect(tagged).toBe(said.join('').replaceAll(/\s/g, ''));
  });

  it('brings its fonts along, that of the codes for them alone', () => {
    expect(texts.every(({ isEmbedded }) => isEmbedded)).toBe(true);
    const codes = new Set<string>(sheet.codes.map(({ code }) => code));
    for (const { text, font } of texts) {
      expect(/^[A-Z]{6}\+AtkinsonHyperlegibleMono-/.test(font)).toBe(codes.has(text));
    }
  });

  it('weighs little, since only what it shows of its fonts is in it', () => {
    expect(bytes.length).toBeLessThan(40_000);
  });
});

function textsIn(tag: PdfTag, role: string): string[] {
  return tag.role === role ? [tag.text.trim()] : tag.children.flatMap((child) => textsIn(child, role));
}

describe.each([
  ['ten codes', 10, DEFAULT_FORMAT, 1],
  ['one code', 1, DEFAULT_FORMAT, 1],
  ['fifty codes', 50, DEFAULT_FORMAT, 3],
  ['ten short codes', 10, { groups: 3, groupLength: 4 }, 1],
  ['fifty short codes', 50, { groups: 3, groupLength: 4 }, 2],
  ['ten codes of two lines', 10, { groups: 10, groupLength: 7 }, 2],
  ['fifty of the longest codes', 50, { groups: 16, groupLength: 16 }, 5],
  ['codes without dashes', 10, { groups: 1, groupLength: 16 }, 1],
  ['codes of short groups', 10, { groups: 16, groupLength: 1 }, 1],
])('%s', (_name, count, format, pageCount) => {
  const many = codeSheet(count, format);
  let found: PdfText[] = [];
  let file: Buffer = Buffer.of();

  beforeAll(async () => {
    file = await render(many);
    found = await textsOf(file);
  });

  it(`are on as many pages as they need`, async () => {
    expect(await withPdf(file, (pdf) => Promise.resolve(pdf.numPages))).toBe(pageCount);
    const footers = found.flatMap(({ text }) => /Batch 3 · Page \d of \d/.exec(text) ?? []);
    const pages = Array.from({ length: pageCount }, (_, index) => `Batch 3 · Page ${index + 1} of ${pageCount}`);
    expect(footers).toEqual(pageCount === 1 ? [] : pages);
  });

  it('are all there, each on one page beside its number', () => {
    for (const { position, code } of many.codes) {
      const lines = linesOf(code, found);
      expect(lines.map(({ text }) => text).join('')).toBe(code);
      expect(new Set(lines.map(({ page }) => page)).size).toBe(1);
      const middle = lines.reduce((sum, { y }) => sum + y, 0) / lines.length;
      const beside = found.filter(
        ({ text, page, x, y }) =>
          text === String(position) && page === lines[0]?.page && Math.abs(y - middle) < 3 && x < lines[0].x,
      );
      expect(beside).toHaveLength(1);
    }
  });

  it('are printed whole on A4 and on US Letter, wherever the printer sets the page', () => {
    for (const { x, y, width, size } of found) {
      expect(x).toBeGreaterThanOrEqual(EDGE);
      expect(x + width).toBeLessThanOrEqual(A4.width - EDGE);
      expect(y - size * 0.3).toBeGreaterThanOrEqual(EDGE + A4.height - LETTER_HEIGHT);
      expect(y + size).toBeLessThanOrEqual(LETTER_HEIGHT - EDGE);
    }
  });

  it('leave nothing that is neither tagged nor marked as ornament', async () => {
    await withPdf(file, async (pdf) => {
      for (const page of await pagesOf(pdf)) expect(await unmarkedOn(page)).toBe(0);
    });
  });

  it('are copied in one piece where they are printed in several', () => {
    const streams = streamsOf(file);
    for (const { code } of many.codes) {
      const isInLines = linesOf(code, found).length > 1;
      expect(streams.includes(`/ActualText (${code})`)).toBe(isInLines);
    }
  });

  it('are large enough to be read', () => {
    for (const { code } of many.codes) expect(linesOf(code, found)[0]?.size).toBeGreaterThanOrEqual(8.5);
  });

  it('do not run into anything', () => {
    for (const one of found) {
      const inTheWay = found.filter(
        (other) =>
          other !== one &&
          other.page === one.page &&
          Math.abs(other.y - one.y) < Math.min(one.size, other.size) * 0.7 &&
          other.x < one.x + one.width &&
          one.x < other.x + other.width,
      );
      expect(inTheWay).toEqual([]);
    }
  });
});

/** The pieces that the code begins and goes on with; none where it is not found. */
function linesOf(code: string, among: readonly PdfText[]): PdfText[] {
  const first = among.findIndex(({ text, font }) => font.includes('Mono') && code.startsWith(text));
  const lines: PdfText[] = [];
  for (let rest = code, index = first; rest !== '' && index >= 0; index += 1) {
    const line = among[index];
    if (line === undefined || !rest.startsWith(line.text)) return [];
    lines.push(line);
    rest = rest.slice(line.text.length);
  }
  return lines;
}

describe('the page that is seen', () => {
  it('has ink, and none where printers cannot print or Letter ends', async () => {
    const image = await withPdf(bytes, async (pdf) => await imageOf((await pagesOf(pdf))[0]!));
    expect(image.height).toBeCloseTo(A4.height, 0);
    const { left, top, right, bottom } = image.inked();
    const cutOff = A4.height - LETTER_HEIGHT;
    expect(left).toBeGreaterThan(EDGE);
    expect(right).toBeLessThan(A4.width - EDGE);
    expect(top).toBeGreaterThan(EDGE + cutOff);
    expect(bottom).toBeLessThan(A4.height - EDGE - cutOff);
    expect(right - left).toBeGreaterThan(0.7 * A4.width);
    expect(bottom - top).toBeGreaterThan(0.6 * A4.height);
  });

  it('has an empty box to tick before each number', async () => {
    const image = await withPdf(bytes, async (pdf) => await imageOf((await pagesOf(pdf))[0]!));
    for (const { position, code } of sheet.codes) {
      const { y, size } = find(code);
      const number = texts.find((item) => item.text === String(position) && Math.abs(item.y - y) < 3)!;
      const middle = A4.height - y - size / 3;
      const strokes = strokesAlong((x) => image.isInk(x, middle), { from: EDGE, to: number.x - 2 });
      const [frame, left, right] = strokes;
      expect(strokes).toHaveLength(3);
      expect(frame!).toBeLessThan(left!);
      expect(right! - left!).toBeGreaterThan(9);
      expect(right! - left!).toBeLessThan(14);
      const down = strokesAlong((at) => image.isInk((left! + right!) / 2, at), { from: middle - 9, to: middle + 9 });
      expect(down).toHaveLength(2);
      expect(down[1]! - down[0]!).toBeCloseTo(right! - left!, 0);
    }
  });

  it.each(['Il', 'I1', 'l1', 'l|'])('shows %j as two', ([one, other]) => {
    const fonts: FontName[] = ['code', 'text', 'heading'];
    for (const font of fonts) expect(likeness(fileOf(font), one!, other!)).toBeLessThan(0.7);
    // A font in which they are hard to tell, for comparison.
    expect(likeness(fileOf('wide'), 'I', 'l')).toBeGreaterThan(0.7);
  });

  it.each(['O0', 'o0'])('shows %j as two, by the stroke through the zero', ([one, other]) => {
    for (const font of ['code', 'text'] as const) expect(likeness(fileOf(font), one!, other!)).toBeLessThan(0.85);
  });
});

function fileOf(name: FontName): Buffer {
  return (fontForDocument(name) as unknown as { readonly stream: { readonly buffer: Buffer } }).stream.buffer;
}

it('knows a glyph in one document by nothing that stood in another', () => {
  expect(fontForDocument('text').getGlyph(40, [65]).codePoints).toEqual([65]);
  expect(fontForDocument('text').getGlyph(40, [66]).codePoints).toEqual([66]);
});

/** Where strokes begin on a way. */
function strokesAlong(isInk: (at: number) => boolean, { from, to }: { from: number; to: number }): number[] {
  const starts: number[] = [];
  for (let at = from; at < to; at += 0.5) if (isInk(at) && !isInk(at - 0.5)) starts.push(at);
  return starts;
}
