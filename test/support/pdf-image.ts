import { createCanvas, GlobalFonts } from '@napi-rs/canvas';
import type { PDFPageProxy } from 'pdfjs-dist/legacy/build/pdf.mjs';

/** Pixels a point. */
const SCALE = 2;
/** Of 255; paper is lighter. */
const INK_BELOW = 235;

/** A page as it is seen; in points, from its upper left corner. */
export interface PageImage {
  readonly width: number;
  readonly height: number;
  isInk(x: number, y: number): boolean;
  /** The box around all ink. */
  inked(): { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };
}

export async function imageOf(page: PDFPageProxy): Promise<PageImage> {
  const viewport = page.getViewport({ scale: SCALE });
  const canvas = createCanvas(Math.ceil(viewport.width), Math.ceil(viewport.height));
  await page.render({ canvas: canvas as never, viewport }).promise;
  const { width, height } = canvas;
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
  const isInkAt = (column: number, row: number) => (data[4 * (row * width + column)] ?? 255) < INK_BELOW;
  return {
    width: width / SCALE,
    height: height / SCALE,
    isInk: (x, y) => isInkAt(Math.floor(x * SCALE), Math.floor(y * SCALE)),
    inked: () => {
      const columns: number[] = [];
      const rows: number[] = [];
      for (let row = 0; row < height; row += 1) {
        for (let column = 0; column < width; column += 1) {
          if (!isInkAt(column, row)) continue;
          columns.push(column);
          rows.push(row);
        }
      }
      const ends = (values: number[], add: number) => values.reduce((a, b) => (add * b > add * a ? b : a)) / SCALE;
      return { left: ends(columns, -1), top: ends(rows, -1), right: ends(columns, 1), bottom: ends(rows, 1) };
    },
  };
}

/** How much of the ink of two characters is the same, from 0 to 1, where both are set in the font. */
export function likeness(font: Buffer, one: string, other: string): number {
  const key = GlobalFonts.register(font, 'likeness');
  if (key === null) throw new Error('That is no font.');
  try {
    const [first, second] = [inkOf(one), inkOf(other)];
    const common = [...first].filter((pixel) => second.has(pixel)).length;
    return common / (first.size + second.size - common);
  } finally {
    GlobalFonts.remove(key);
  }
}

function inkOf(character: string): Set<number> {
  const size = 100;
  const context = createCanvas(size, 2 * size).getContext('2d');
  context.font = `${size}px likeness`;
  context.textAlign = 'center';
  context.fillText(character, size / 2, 1.5 * size);
  const { data } = context.getImageData(0, 0, size, 2 * size);
  return new Set(
    Array.from({ length: data.length / 4 }, (_, pixel) => pixel).filter((pixel) => data[4 * pixel + 3]! > 127),
  );
}
