import type { MailTime } from '../domain/mail/mail-inputs.js';

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

/** "1 code", "2 codes", "0 codes". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** The name of a task or of a kind of row as people read it: AUDIT_EVENTS is "audit events", refreshTokens "refresh tokens". */
export function inWords(name: string): string {
  const words = name
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase();
  return words.replaceAll(/\bemail\b/g, 'e-mail').replaceAll(/\b(?:oidc|id)\b/g, (short) => short.toUpperCase());
}

/**
 * An instant as people read it, always in UTC: "22 November 2026, 07:14:05 UTC".
 *
 * @throws RangeError for a string that is no date
 */
export function utcText(time: MailTime): string {
  const iso = new Date(time).toISOString();
  const date = new Date(iso);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}, ${iso.slice(11, 19)} UTC`;
}

/** The text on one line: no value can start a line, or a header, of its own. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}
