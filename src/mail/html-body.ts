import type { Cell, Fact, MailBlock, MailContent, NumberedCode } from './mail-content.js';

const FONT = "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
const CODE_FONT = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace";

// Mail clients that know prefers-color-scheme use these over the inline styles; the others keep the light ones.
const DARK_STYLES =
  '@media (prefers-color-scheme: dark) {' +
  '.page { background-color: #14171a !important; }' +
  '.card { background-color: #1f2328 !important; border-color: #3d444d !important; }' +
  '.ink { color: #e6e8eb !important; }' +
  '.faint { color: #a3abb5 !important; }' +
  '.anchor { color: #7db4ff !important; }' +
  '.code { background-color: #14171a !important; color: #e6e8eb !important; border-color: #1f2328 !important; }' +
  '}';

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}

/** The HTML body: one table, inline styles, light and dark; no image, no script, nothing fetched from anywhere. */
export function htmlBody(content: MailContent, footer: string): string {
  const siteName = escapeHtml(content.siteName);
  const subject = escapeHtml(content.subject);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no, url=no">
<title>${subject}</title>
<style>${DARK_STYLES}</style>
</head>
<body class="page" style="margin:0;padding:0;background-color:#f3f4f6">
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" style="background-color:#f3f4f6">
<tr><td align="center" style="padding:24px 12px">
<table role="presentation" class="card" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:560px;background-color:#ffffff;border:1px solid #d8dce1;border-radius:8px">
<tr><td align="left" style="padding:28px 28px 20px;${FONT};font-size:16px;line-height:1.5">
<p class="faint" style="margin:0 0 4px;color:#59636e;font-size:14px">${siteName}</p>
<h1 class="ink" style="margin:0 0 16px;color:#1f2328;font-size:20px;line-height:1.3">${subject}</h1>
${content.blocks.map(blockHtml).join('\n')}
<p class="faint" style="margin:24px 0 0;color:#59636e;font-size:13px">${escapeHtml(footer)}</p>
</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
`;
}

function blockHtml(block: MailBlock): string {
  switch (block.kind) {
    case 'text':
      return `<p class="ink" style="margin:0 0 16px;color:#1f2328">${escapeHtml(block.text)}</p>`;
    case 'facts':
      return `<table cellpadding="0" cellspacing="0" border="0" style="margin:0 0 16px;font-size:15px">
${block.facts.map(factHtml).join('\n')}
</table>`;
    case 'table':
      return tableHtml(block.head, block.rows);
    case 'codes':
      return codesHtml(block.codes);
    case 'link':
      return linkHtml(block.label, block.url);
  }
}

function factHtml([label, value]: Fact): string {
  const head = `<th class="faint" scope="row" align="left" valign="top" style="padding:2px 16px 2px 0;color:#59636e;font-weight:normal;${FONT}">${escapeHtml(label)}</th>`;
  const cell = `<td class="ink" align="left" valign="top" style="padding:2px 0;color:#1f2328;${FONT}">${escapeHtml(value)}</td>`;
  return `<tr>${head}${cell}</tr>`;
}

function tableHtml(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const labels = head.map(
    (label) =>
      `<th class="faint" scope="col" align="left" valign="top" style="padding:2px 8px 2px 0;color:#59636e;font-weight:normal;${FONT}">${escapeHtml(label)}</th>`,
  );
  const lines = [labels, ...rows.map((row) => row.map(cellHtml))].map((cells) => `<tr>${cells.join('')}</tr>`);
  return `<table cellpadding="0" cellspacing="0" border="0" style="margin:0 0 16px;font-size:13px">
${lines.join('\n')}
</table>`;
}

function cellHtml(cell: Cell): string {
  const align = typeof cell === 'number' ? 'right' : 'left';
  return `<td class="ink" align="${align}" valign="top" style="padding:2px 8px 2px 0;color:#1f2328;${FONT}">${escapeHtml(String(cell))}</td>`;
}

/** One click selects one code whole, and a selection of all of them leaves their numbers out. */
function codesHtml(codes: readonly NumberedCode[]): string {
  return `<table cellpadding="0" cellspacing="0" border="0" style="margin:0 0 16px;font-size:15px">
${codes.map(codeHtml).join('\n')}
</table>`;
}

function codeHtml({ position, code }: NumberedCode): string {
  const number = `<th class="faint" scope="row" align="right" valign="middle" style="padding:3px 10px 3px 0;color:#59636e;font-weight:normal;-webkit-user-select:none;user-select:none;${FONT}">${position}.</th>`;
  const cell = `<td class="code" align="left" valign="middle" style="padding:4px 10px;border-bottom:3px solid #ffffff;background-color:#f3f4f6;color:#1f2328;-webkit-user-select:all;user-select:all;${CODE_FONT}">${escapeHtml(code)}</td>`;
  return `<tr>${number}${cell}</tr>`;
}

function linkHtml(label: string, url: string): string {
  const href = escapeHtml(url);
  return `<p style="margin:0 0 12px"><a href="${href}" style="display:inline-block;padding:12px 20px;border-radius:6px;background-color:#0b57d0;color:#ffffff;font-weight:bold;text-decoration:none">${escapeHtml(label)}</a></p>
<p class="faint" style="margin:0 0 16px;color:#59636e;font-size:13px">If the button does nothing, copy this address into your browser:<br><a class="anchor" href="${href}" style="color:#0b57d0;word-break:break-all">${href}</a></p>`;
}
