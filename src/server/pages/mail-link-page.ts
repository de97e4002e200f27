import { type MailLinkPageKind, mailLinkPages, type PageField, type PageSpec } from './mail-link-pages.js';
import { MAIL_LINK_SCRIPT } from './mail-link-script.js';
import { MAIL_LINK_STYLE } from './mail-link-style.js';

export interface MailLinkPageInput {
  kind: MailLinkPageKind;
  siteName: string;
  /** Base64, fresh for each answer; the same as in `mailLinkPagePolicy`. */
  nonce: string;
}

const NO_TOKEN =
  'There is no token in this address, or it was used up by loading the page again. Open the link in the mail once more.';
const FAILED = 'Something went wrong, and nothing was changed. Try again in a moment.';

/**
 * The plain page that a mailed link opens. Its script takes the token out of the fragment and out of the address bar,
 * and spends it only when the button is pressed, so that a mail scanner that opens links spends nothing.
 *
 * @throws TypeError for a nonce that is not base64
 */
export function mailLinkPage({ kind, siteName, nonce }: MailLinkPageInput): string {
  if (!isNonce(nonce)) throw new TypeError('A nonce must be base64.');
  const page: PageSpec = mailLinkPages[kind];
  const title = escapeHtml(page.title);
  const { query, done, refusals } = page;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${title} · ${escapeHtml(siteName)}</title>
<link rel="icon" href="data:,">
<style nonce="${nonce}">${MAIL_LINK_STYLE}</style>
</head>
<body>
<main>
<p class="site">${escapeHtml(siteName)}</p>
<h1>${title}</h1>
<form method="post">
<p>${escapeHtml(page.intro)}</p>
${page.fields.map(fieldHtml).join('\n')}
<button type="submit" disabled>${escapeHtml(page.button)}</button>
</form>
<p id="status" role="status" aria-live="polite" tabindex="-1"></p>
<noscript><p class="refused">This page needs JavaScript: the token is in a part of the link that only your browser sees.</p></noscript>
</main>
<script type="application/json" id="page">${inlineJson({ query, done, refusals, noToken: NO_TOKEN, failed: FAILED })}</script>
<script nonce="${nonce}">${MAIL_LINK_SCRIPT}</script>
</body>
</html>
`;
}

/** The Content-Security-Policy to send with the page: its own script and style, its own API, nothing else. */
export function mailLinkPagePolicy(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    'img-src data:',
    "connect-src 'self'",
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

function fieldHtml(field: PageField): string {
  const name = escapeHtml(field.variable);
  const label = escapeHtml(field.label);
  const described = `id="${name}" name="${name}" type="${field.type}" aria-describedby="${name}-hint"`;
  const hint = `<p class="hint" id="${name}-hint">${escapeHtml(field.hint)}</p>`;
  if (field.type === 'checkbox')
    return `<label class="choice" for="${name}"><input ${described}> ${label}</label>\n${hint}`;
  const { autocomplete, isRequired } = field;
  return `<label for="${name}">${label}</label>
<input ${described} autocomplete="${autocomplete}" maxlength="1024"${isRequired ? ' required' : ''}>
${hint}`;
}

function isNonce(nonce: string): boolean {
  return /^[\w+/=-]{16,}$/.test(nonce);
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** JSON that cannot end the script element it stands in. */
function inlineJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}
