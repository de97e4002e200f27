import type { MailBlock, MailContent } from './mail-content.js';

const LINE_WIDTH = 72;

/** The plain-text body: lines of 72 characters, links whole on lines of their own. */
export function textBody(content: MailContent, footer: string): string {
  const parts = [...content.blocks.map(blockText), `-- \n${wrap(footer)}`];
  return `${parts.join('\n\n')}\n`;
}

function blockText(block: MailBlock): string {
  switch (block.kind) {
    case 'text':
      return wrap(block.text);
    case 'facts':
      return block.facts.map(([label, value]) => `${label}: ${value}`).join('\n');
    case 'link':
      return `${block.label}:\n${block.url}`;
  }
}

function wrap(text: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > LINE_WIDTH) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join('\n');
}
