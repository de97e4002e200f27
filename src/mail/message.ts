import type { SendMailOptions } from 'nodemailer';
import { MailError } from './mail-error.js';
import { oneLine } from './wording.js';

/** A mail that is ready to go: rendered, addressed to one person, and named for good. */
export interface MailToSend {
  /** One bare address. */
  to: string;
  /** `<id@host>`; the same for every attempt, so that a second copy is recognised as one. */
  messageId: string;
  subject: string;
  text: string;
  html: string;
  /** The template's name; only the names of written files show it. */
  template?: string;
}

export interface Sender {
  name: string;
  address: string;
}

// Stricter than RFC 5322: no quoted local part, no comment, no list, no control character. What does not fit is refused
// rather than repaired, since a repaired address is another address.
const ADDRESS = /^[^\s\p{C}@<>()[\]\\,;:"]+@[^\s\p{C}@<>()[\]\\,;:"]+$/u;
const MESSAGE_ID = /^<[\x21-\x3b\x3d\x3f\x41-\x7e]+@[\x21-\x3b\x3d\x3f\x41-\x7e]+>$/;
const LINE_BREAKING = /[\p{Cc}\p{Zl}\p{Zp}]/u;
/** RFC 5321 §4.5.3.1.6 allows 998; links are the only long lines. */
const MAX_PLAIN_LINE = 900;

/**
 * Reads `Name <address>` or a bare address, whose name is then `defaultName`.
 *
 * @throws Error when it is neither
 */
export function parseSender(from: string, defaultName: string): Sender {
  const [, given, address] = /^([^<>]*)<([^<>]+)>$/.exec(from.trim()) ?? [undefined, '', from.trim()];
  const name = given?.trim().replace(/^"(.*)"$/, '$1') || oneLine(defaultName);
  if (!ADDRESS.test(address ?? '') || LINE_BREAKING.test(name)) {
    throw new Error('The sender of mails must be an address or Name <address>.');
  }
  return { name, address: address ?? '' };
}

/**
 * Turns a mail into the library's terms. Nothing in it can add a header, a recipient, a file or a URL to fetch.
 *
 * @throws MailError INVALID_MAIL for an address, subject or Message-ID that is not a plain one
 */
export function toMessage(mail: MailToSend, sender: Sender): SendMailOptions {
  if (!ADDRESS.test(mail.to) || !MESSAGE_ID.test(mail.messageId) || LINE_BREAKING.test(mail.subject)) {
    throw new MailError('INVALID_MAIL');
  }
  return {
    from: sender,
    to: { name: '', address: mail.to },
    envelope: { from: sender.address, to: [mail.to] },
    messageId: mail.messageId,
    subject: mail.subject,
    text: plainPart(mail.text),
    html: mail.html,
    // RFC 3834: keeps holiday notices and the like from answering.
    headers: { 'Auto-Submitted': 'auto-generated' },
    xMailer: false,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** As 7bit where it can be: quoted-printable would cut and escape the link, which people copy out of written files. */
function plainPart(text: string): SendMailOptions['text'] {
  const isPlain = /^[\t\n\x20-\x7e]*$/.test(text) && text.split('\n').every((line) => line.length <= MAX_PLAIN_LINE);
  if (!isPlain) return text;
  const body = text.replaceAll('\n', '\r\n');
  return { raw: `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n${body}` };
}
