import { describe, expect, it } from '@jest/globals';
import type { ExportFormat } from '../../src/domain/copies/code-sheet.js';
import { renderCodeFile } from '../../src/files/render-code-file.js';
import { codeSheet } from '../support/code-sheets.js';

const sheet = codeSheet();
const codes = sheet.codes.map(({ code }) => code);

const textOf = async (format: ExportFormat, changes: Partial<typeof sheet> = {}) =>
  (await renderCodeFile(format, { ...sheet, ...changes })).bytes.toString('utf8');

describe.each<[ExportFormat, string, string, RegExp]>([
  ['TXT', 'txt', 'text/plain; charset=utf-8', /^[^\r]*[^\n]\n$/],
  ['CSV', 'csv', 'text/csv; charset=utf-8; header=present', /^position,code\r\n(?:\d+,[^\r\n]+\r\n)+$/],
  ['JSON', 'json', 'application/json', /^\{\n  "[^]*\n\}\n$/],
  ['PDF', 'pdf', 'application/pdf', /^%PDF-1\.7\n[^]*\n%%EOF\n$/],
])('%s', (format, extension, mediaType, shape) => {
  it('says what it is, and is it', async () => {
    const file = await renderCodeFile(format, sheet);
    expect(file).toEqual({ extension, mediaType, bytes: expect.any(Buffer) });
    expect(file.bytes.toString('latin1')).toMatch(shape);
  });

  it('is the same each time, but for when it was made', async () => {
    const [first, again] = await Promise.all([textOf(format), textOf(format)]);
    expect(timeless(again)).toBe(timeless(first));
  });

  it('leaves the sheet as it is', async () => {
    const before = structuredClone(sheet);
    await renderCodeFile(format, sheet);
    expect(sheet).toEqual(before);
  });
});

/** Without what a PDF tells of its making, and the id that is made of it. */
function timeless(text: string): string {
  return text
    .replaceAll(/D:\d{14}Z/g, '')
    .replaceAll(/<xmp:CreateDate>[^<]*/g, '')
    .replaceAll(/\/ID \[[^\]]*\]/g, '');
}

describe('TXT', () => {
  it('has the codes and nothing else, one a line', async () => {
    expect(await textOf('TXT')).toBe(codes.map((code) => `${code}\n`).join(''));
  });
});

describe('CSV', () => {
  it('has a row for each code, in order', async () => {
    const rows = codes.map((code, index) => `${index + 1},${code}\r\n`);
    expect(await textOf('CSV')).toBe(`position,code\r\n${rows.join('')}`);
  });

  it.each([
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['\r=1', `"'\r=1"`],
    ['\uff1d1', "'\uff1d1"],
  ])('makes no formula of %j', async (code, cell) => {
    expect(await textOf('CSV', { codes: [{ position: 1, code }] })).toBe(`position,code\r\n1,${cell}\r\n`);
  });

  it.each([
    ['a,b', '"a,b"'],
    ['a"b', '"a""b"'],
    ['a\r\n=1', '"a\r\n=1"'],
    ['a\n=1', '"a\n=1"'],
    ['a\r=1', '"a\r=1"'],
  ])('keeps %j in its cell', async (code, cell) => {
    expect(await textOf('CSV', { codes: [{ position: 1, code }] })).toBe(`position,code\r\n1,${cell}\r\n`);
  });
});

describe('JSON', () => {
  it('has all of the sheet', async () => {
    expect(JSON.parse(await textOf('JSON'))).toEqual({
      siteName: 'Acme Keys',
      account: 'ada.lovelace@example.org',
      batchNumber: 3,
      issuedAt: '2026-11-22T07:14:05.678Z',
      expiresAt: '2027-11-22T07:14:05.678Z',
      codes: sheet.codes,
    });
  });

  it('has null for codes that never expire', async () => {
    expect(JSON.parse(await textOf('JSON', { expiresAt: null }))).toMatchObject({ expiresAt: null });
  });

  it('keeps names exactly, whatever is in them', async () => {
    const siteName = '"\u202e\u0000\n日本 👩‍👩‍👧 </script>';
    expect(JSON.parse(await textOf('JSON', { siteName }))).toMatchObject({ siteName });
  });
});

it.each<ExportFormat>(['JSON', 'PDF'])('%s is refused for a date that is none', async (format) => {
  const invalid = new Date(Number.NaN);
  await expect(renderCodeFile(format, { ...sheet, issuedAt: invalid })).rejects.toThrow(RangeError);
  await expect(renderCodeFile(format, { ...sheet, expiresAt: invalid })).rejects.toThrow(RangeError);
});
