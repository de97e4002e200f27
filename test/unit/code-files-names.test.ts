import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { visualRuns } from '../../src/files/pdf/shown-text.js';
import { renderCodeFile } from '../../src/files/render-code-file.js';
import { codeSheet } from '../support/code-sheets.js';
import { imageOf } from '../support/pdf-image.js';
import { type PdfText, pagesOf, textsOf, withPdf } from '../support/pdf-reading.js';

const LONGEST_SITE_NAME = 64;
const LONGEST_ACCOUNT = 255;

const sheet = codeSheet();
const named = async (siteName: string, account: string) =>
  (await renderCodeFile('PDF', { ...sheet, siteName, account })).bytes;
const before = (texts: readonly PdfText[], label: string) =>
  texts.slice(
    0,
    texts.findIndex(({ text }) => text === label),
  );
const joined = (texts: readonly PdfText[]) => texts.map(({ text }) => text).join('');

/** Both names as a reader finds them. */
async function namesIn(bytes: Buffer): Promise<{ siteName: string; account: string }> {
  const texts = await textsOf(bytes);
  const head = before(texts, 'Batch');
  return {
    siteName: joined(before(texts, 'Recovery codes')),
    account: joined(head.slice(head.findIndex(({ text }) => text === 'Account') + 1)),
  };
}

describe('a name', () => {
  it.each([
    ['Latin', 'Société Générale – Zażółć', 'žofie.müller@straße.example'],
    ['Cyrillic and Greek', 'Сбербанк Ключи', 'ιωάννης@παράδειγμα.ελ'],
    ['Hebrew', 'בנק הפועלים', 'שלום@דוגמה.קום'],
    ['Arabic', 'بنك المثال', 'مستخدم'],
    ['Armenian and Georgian', 'Հայաստան საქართველო', 'Ա@ա.am'],
  ])('in %s is read as it was written', async (_script, siteName, account) => {
    const found = await namesIn(await named(siteName, account));
    expect(found.siteName.normalize('NFKC')).toBe(siteName);
    expect(found.account.normalize('NFKC')).toBe(account);
  });

  it.each([
    ['signs that no font here has', '東京銀行 ไทย', '\ufffd\ufffd\ufffd\ufffd \ufffd\ufffd\ufffd'],
    ['an emoji of several parts', 'Keys 👩‍👩‍👧‍👦!', 'Keys \ufffd!'],
    ['half a character', 'a\ud83cb', 'a\ufffdb'],
    ['control characters', 'Acme\u0000\r\n\tKeys\u2028', 'Acme Keys'],
    ['signs that turn the text around', '\u202eAcme\u2066 Keys\u202c', 'Acme Keys'],
    ['letters and marks apart', 'Cafe\u0301', 'Café'],
  ])('with %s is shown all the same', async (_what, name, expected) => {
    expect(await namesIn(await named(name, name))).toEqual({ siteName: expected, account: expected });
  });

  it.each([
    [
      'long words',
      'Wherever Whatever '.repeat(4).slice(0, LONGEST_SITE_NAME),
      'w@'.repeat(200).slice(0, LONGEST_ACCOUNT),
    ],
    ['no place to break', 'W'.repeat(LONGEST_SITE_NAME), 'W'.repeat(LONGEST_ACCOUNT)],
    ['letters that are set apart', 'Å'.repeat(LONGEST_SITE_NAME), 'Å'.repeat(LONGEST_ACCOUNT)],
    ['the widest character', '‱'.repeat(LONGEST_SITE_NAME), '‱'.repeat(LONGEST_ACCOUNT)],
  ])('that is as long as can be, of %s, is shown whole on the one page', async (_what, siteName, account) => {
    const bytes = await named(siteName, account);
    const found = await namesIn(bytes);
    expect(found.siteName.replaceAll(' ', '')).toBe(siteName.replaceAll(' ', ''));
    expect(found.account).toBe(account);
    await withPdf(bytes, async (pdf) => {
      expect(pdf.numPages).toBe(1);
      const { left, right } = (await imageOf((await pagesOf(pdf))[0]!)).inked();
      expect(left).toBeGreaterThan(50);
      expect(right).toBeLessThan(546);
    });
  });

  it('may be blank', async () => {
    expect(await namesIn(await named('\u0000', '\u200f'))).toEqual({ siteName: '', account: '' });
    await withPdf(await named('\u0000', ''), async (pdf) => {
      expect((await pdf.getMetadata()).info).toMatchObject({ Title: 'Recovery codes' });
    });
  });
});

describe('a line of two directions', () => {
  const texts = (line: string) => visualRuns(line).map(({ text }) => text);

  it('is one piece where it has but one', () => {
    expect(visualRuns('Acme (Keys) 12')).toEqual([{ text: 'Acme (Keys) 12', isLeftwards: false }]);
    expect(visualRuns('בנק הפועלים')).toEqual([{ text: 'בנק הפועלים', isLeftwards: true }]);
  });

  it('has its pieces from left to right', () => {
    expect(texts('Bank בנק הפועלים Ltd')).toEqual(['Bank ', 'בנק הפועלים', ' Ltd']);
    expect(texts('בנק Bank 12')).toEqual(['Bank 12', 'בנק ']);
  });

  it('has brackets that open the right way, and signs in their turn', () => {
    expect(texts('(בנק)')).toEqual([')בנק(']);
    expect(texts('בנק Ltd?!')).toEqual(['!?', 'Ltd', 'בנק ']);
  });
});

/** Apart, since in one text their marks would join. */
const LETTERS =
  'W i @ - . ‱ ( ) < & 1 ﬁ Å \ufdfd \ufffd e\u0301 \u0301 Z\u0351\u0352\u0353 ß я Ω क्षि ไ ខ្មែ 한 漢 👩‍👩‍👧 🏴 🀀 \ud83c \udfff';
const LEFTWARDS = 'א ש\u05c1 ع لا ٣ ۴ \u200f \u202e \u2067 \u200d \u200c';
const CONTROLS = '\u0000 \u001b \u0085 \uffff \u{1ffff} \u{10ffff} \u00ad';
const oddities = [...`${LETTERS} ${LEFTWARDS} ${CONTROLS}`.split(' '), ' ', '\t', '\n', '\u00a0', '\u2029', '\ufeff'];

const anyName = (maxLength: number) =>
  fc
    .oneof(
      fc.string({ unit: 'binary', maxLength }),
      fc.string({ unit: 'grapheme', maxLength }),
      fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength }).map((units) => String.fromCharCode(...units)),
      fc
        .array(fc.constantFrom(...oddities), { minLength: Math.floor(maxLength / 2), maxLength })
        .map((parts) => parts.join('')),
      fc.constantFrom(...oddities).map((part) => part.repeat(maxLength)),
    )
    .map((name) => name.slice(0, maxLength));

it('whatever the names are, all codes can be copied from one page', async () => {
  await fc.assert(
    fc.asyncProperty(anyName(LONGEST_SITE_NAME), anyName(LONGEST_ACCOUNT), async (siteName, account) => {
      const texts = await textsOf(await named(siteName, account));
      const codes = texts.filter(({ font }) => font.includes('Mono'));
      expect(codes.map(({ text }) => text)).toEqual(sheet.codes.map(({ code }) => code));
      expect(texts.every(({ page }) => page === 1)).toBe(true);
      for (const { x, width } of texts) {
        expect(x).toBeGreaterThan(50);
        expect(x + width).toBeLessThan(546);
      }
    }),
    { numRuns: 12 },
  );
});
