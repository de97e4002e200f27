import { inflateSync } from 'node:zlib';
import {
  getDocument,
  OPS,
  VerbosityLevel,
  type PDFDocumentProxy,
  type PDFPageProxy,
} from 'pdfjs-dist/legacy/build/pdf.mjs';

/** A piece of text as a viewer finds it; points, from the lower left corner of its page to where it stands. */
export interface PdfText {
  readonly page: number;
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly size: number;
  /** The name that the font has in the file, and whether it comes with it. */
  readonly font: string;
  readonly isEmbedded: boolean;
}

/** A tag, and what text is its own or its children's; lines are told apart. */
export interface PdfTag {
  readonly role: string;
  readonly text: string;
  readonly children: readonly PdfTag[];
}

/** Opens the file as a viewer does, for as long as it is read. */
export async function withPdf<Result>(
  bytes: Buffer,
  read: (pdf: PDFDocumentProxy) => Promise<Result>,
): Promise<Result> {
  const loading = getDocument({
    data: new Uint8Array(bytes),
    fontExtraProperties: true,
    verbosity: VerbosityLevel.ERRORS,
  });
  try {
    return await read(await loading.promise);
  } finally {
    await loading.destroy();
  }
}

export async function pagesOf(pdf: PDFDocumentProxy): Promise<PDFPageProxy[]> {
  return await Promise.all(Array.from({ length: pdf.numPages }, (_, index) => pdf.getPage(index + 1)));
}

/** All text of the file, as it is copied: page by page, in reading order. */
export async function textsOf(bytes: Buffer): Promise<PdfText[]> {
  return await withPdf(bytes, async (pdf) => {
    const pages = await pagesOf(pdf);
    return (await Promise.all(pages.map(textsOfPage))).flat();
  });
}

/** What stands on the page, without the white space that a viewer puts between its pieces. */
async function textsOfPage(page: PDFPageProxy): Promise<PdfText[]> {
  await page.getOperatorList();
  const { items } = await page.getTextContent();
  return items.flatMap((item) => {
    if (!('str' in item) || item.str.trim() === '') return [];
    const font = page.commonObjs.get(item.fontName) as { readonly name: string; readonly missingFile?: boolean };
    const [, , , size = 0, x = 0, y = 0] = item.transform as number[];
    return [
      {
        page: page.pageNumber,
        text: item.str,
        x,
        y,
        width: item.width,
        size,
        font: font.name,
        isEmbedded: font.missingFile === false,
      },
    ];
  });
}

/** The tags of a page, from the root of the tree down. */
export async function tagsOf(page: PDFPageProxy): Promise<PdfTag> {
  const { items } = await page.getTextContent({ includeMarkedContent: true });
  const texts = new Map<string, string>();
  const open: string[] = [];
  for (const item of items) {
    if ('str' in item)
      open.forEach((id) => texts.set(id, (texts.get(id) ?? '') + item.str + (item.hasEOL ? '\n' : '')));
    else if (item.type === 'endMarkedContent') open.pop();
    else open.push(item.id ?? '');
  }
  const tree = await page.getStructTree();
  if (tree === null) throw new Error('The page is not tagged.');
  return tagOf(tree, texts);
}

/** How often the page draws something that is neither tagged nor marked as ornament. */
export async function unmarkedOn(page: PDFPageProxy): Promise<number> {
  const { fnArray } = await page.getOperatorList();
  const depths = new Map([
    [OPS.beginMarkedContent, 1],
    [OPS.beginMarkedContentProps, 1],
    [OPS.endMarkedContent, -1],
  ]);
  let [depth, unmarked] = [0, 0];
  for (const operator of fnArray) {
    depth += depths.get(operator) ?? 0;
    if (depth === 0 && [OPS.constructPath, OPS.showText].includes(operator)) unmarked += 1;
  }
  return unmarked;
}

/** What the file's streams say, as far as they are text. */
export function streamsOf(bytes: Buffer): string {
  const streams = bytes.toString('latin1').matchAll(/\/FlateDecode\s*>>\s*stream\r?\n([^]*?)\r?\nendstream/g);
  return Array.from(streams, ([, packed = '']) => inflateSync(Buffer.from(packed, 'latin1')).toString('latin1')).join(
    '\n',
  );
}

interface Node {
  readonly role: string;
  readonly children: readonly (Node | { readonly type: string; readonly id: string })[];
}

function tagOf({ role, children }: Node, texts: ReadonlyMap<string, string>): PdfTag {
  const below = children.map((child) =>
    'role' in child ? tagOf(child, texts) : { role: '', text: texts.get(child.id) ?? '', children: [] },
  );
  const text = below.map((child) => child.text).join('');
  return { role, text, children: below.filter((child) => child.role !== '') };
}
