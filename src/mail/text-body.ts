import type { Cell, MailBlock, MailContent, NumberedCode } from './mail-content.js';

const LINE_WIDTH = 72;

/** The plain-text body: lines of 72 characters, links and codes whole on lines of their own. */
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
    case 'table':
      return tableText(block.head, block.rows);
    case 'codes':
      return codesText(block.codes);
    case 'link':
      return `${block.label}:\n${block.url}`;
  }
}

/** Columns as wide as their widest cell. */
function tableText(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const widths = head.map((label, column) =>
    Math.max(label.length, ...rows.map((row) => String(row[column] ?? '').length)),
  );
  const lines = [head, ...rows].map((row) => row.map((cell, column) => padded(cell, widths[column] ?? 0)).join(' '));
  return lines.map((line) => line.trimEnd()).join('\n');
}

function codesText(codes: readonly NumberedCode[]): string {
  const width = Math.max(...codes.map(({ position }) => String(position).length));
  return codes.map(({ position, code }) => `${String(position).padStart(width)}. ${code}`).join('\n');
}

function padded(cell: Cell, width: number): string {
  return typeof cell === 'number' ? String(cell).padStart(width) : cell.padEnd(width);
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
