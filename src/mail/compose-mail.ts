import { htmlBody } from './html-body.js';
import type { Cell, MailBlock, MailContent } from './mail-content.js';
import type { RenderedMail } from '../domain/mail/mail-inputs.js';
import { textBody } from './text-body.js';
import { oneLine } from './wording.js';

/**
 * Makes subject, text and HTML of one description.
 *
 * @throws TypeError for a link that is not http or https
 */
export function composeMail(content: MailContent): RenderedMail {
  const clean: MailContent = {
    siteName: oneLine(content.siteName),
    subject: oneLine(content.subject),
    blocks: content.blocks.map(cleanBlock),
  };
  const footer = `This mail was sent automatically. Nobody at ${clean.siteName} will ever ask you for a recovery code or for your password.`;
  return { subject: clean.subject, text: textBody(clean, footer), html: htmlBody(clean, footer) };
}

function cleanBlock(block: MailBlock): MailBlock {
  switch (block.kind) {
    case 'text':
      return { ...block, text: oneLine(block.text) };
    case 'facts':
      return { ...block, facts: block.facts.map(([label, value]) => [label, oneLine(value)] as const) };
    case 'table':
      return { ...block, rows: block.rows.map((row) => row.map(cleanCell)) };
    case 'codes':
      return { ...block, codes: block.codes.map(({ position, code }) => ({ position, code: oneLine(code) })) };
    case 'link':
      return { ...block, url: webUrl(block.url) };
  }
}

function cleanCell(cell: Cell): Cell {
  return typeof cell === 'number' ? cell : oneLine(cell);
}

function webUrl(url: string): string {
  const protocol = URL.canParse(url) ? new URL(url).protocol : '';
  if (protocol !== 'http:' && protocol !== 'https:') throw new TypeError('A mailed link must be an http or https URL.');
  return url;
}
