import PDFDocument from 'pdfkit';
import { fontForDocument, fontNames } from './fonts.js';

/** Of A4, in points. */
export const PAGE = { width: 595.28, height: 841.89 };

/**
 * What may be printed on. US Letter is 50 points shorter than A4, and printers set the one on the other at the top, at
 * the bottom or in the middle; most leave 18 points white themselves.
 */
export const AREA = { left: 56, right: PAGE.width - 56, top: 72, bottom: PAGE.height - 72 };

const PDF_UA_1 = `
        <rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">
            <pdfuaid:part>1</pdfuaid:part>
        </rdf:Description>`;

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** An empty document in English whose content is tagged, with the fonts of ours and no other. */
export class TaggedDocument extends PDFDocument {
  constructor(title: string) {
    const { left, top } = AREA;
    super({
      size: [PAGE.width, PAGE.height],
      margins: { left, right: left, top, bottom: top },
      bufferPages: true,
      pdfVersion: '1.7',
      tagged: true,
      lang: 'en',
      displayTitle: true,
      info: { Title: title, Creator: 'Sparekey' },
      autoFirstPage: false,
      // An empty name keeps the library from its own default, which is not embedded.
      font: '',
    });
    // The library takes parsed fonts, which its types do not say.
    for (const name of fontNames) this.registerFont(name, fontForDocument(name) as never);
    // The library's own switch for it adds a CIDSet that lacks the parts of accented letters, which the standard forbids.
    this.appendXML(PDF_UA_1);
    this.addPage();
  }

  /** Called when all but the XML is written; the library takes the title into it as it is. */
  override endMetadata(): void {
    const { Title = '' } = this.info;
    this.info.Title = Title.replaceAll(/[&<>]/g, (character) => ESCAPES[character] ?? character);
    super.endMetadata();
  }
}
