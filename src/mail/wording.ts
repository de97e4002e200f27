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
