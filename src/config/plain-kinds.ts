import { resolve } from 'node:path';
import type { Kind } from './setting.js';
import { kind } from './setting.js';

const PLAIN_INTEGER = /^(?:0|-?[1-9]\d*)$/;
// Control characters, line separators, and what reverses the direction of the text around it.
const UNPRINTABLE = /[\p{Cc}\u2028-\u202E\u2066-\u2069]/u;
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/** A whole number in plain decimal digits, both ends included. */
export function integer(min: number, max: number): Kind<number> {
  const message = `Must be a whole number from ${min} to ${max}.`;
  return kind(`${min}–${max}`, (text, refuse) => {
    if (!PLAIN_INTEGER.test(text)) {
      const hint = 'Write plain decimal digits only: no spaces, point, exponent, leading zero, true or false.';
      return refuse({ id: 'E001', message, hint });
    }
    const value = Number(text);
    if (value >= min && value <= max) return value;
    return refuse({ id: 'E002', message, hint: `Choose a value within ${min} and ${max}.` });
  });
}

const MAX_DELETIONS = 2_147_483_647;

/** How many rows a run may remove: a positive number, or -1 for any number. 0 would mean a run that does nothing. */
export const deletionCap: Kind<number> = kind(`-1, or 1–${MAX_DELETIONS}`, (text, refuse) => {
  const value = PLAIN_INTEGER.test(text) ? Number(text) : 0;
  if (value === -1 || (value >= 1 && value <= MAX_DELETIONS)) return value;
  const message = `Must be -1, or a whole number from 1 to ${MAX_DELETIONS}.`;
  return refuse({ id: 'E002', message, hint: 'Write -1 for no limit; 0 is refused.' });
});

/** `true` or `false`, and nothing else. */
export const boolean: Kind<boolean> = kind('true, false', (text, refuse) => {
  if (text === 'true' || text === 'false') return text === 'true';
  return refuse({
    id: 'E003',
    message: 'Must be true or false.',
    hint: 'Numbers, yes, no, on and off are not understood.',
  });
});

/** One of the keys of `choices`; the value is what stands behind the key. */
export function choice<const C extends Readonly<Record<string, string>>>(choices: C): Kind<C[keyof C]> {
  const names = Object.keys(choices).join(', ');
  const isChoice = (text: string): text is keyof C & string => Object.hasOwn(choices, text);
  return kind(names, (text, refuse) =>
    isChoice(text)
      ? (choices[text] as C[keyof C])
      : refuse({ id: 'E004', message: `Must be one of ${names}.`, hint: 'Write it exactly so, in lower case.' }),
  );
}

/** One line of text for people, counted in characters. */
export function text(min: number, max: number): Kind<string> {
  return kind(`${min}–${max} characters`, (value, refuse) => {
    const { length } = Array.from(value);
    if (length >= min && length <= max && !UNPRINTABLE.test(value)) return value;
    const hint = 'Line breaks and other control characters are not allowed.';
    return refuse({ id: 'E005', message: `Must be one line of ${min} to ${max} characters.`, hint });
  });
}

/** A name that is safe in any file system and in a Content-Disposition header. */
export const fileName: Kind<string> = kind('file name without extension', (value, refuse) =>
  FILE_NAME.test(value)
    ? value
    : refuse({
        id: 'E005',
        message: 'Must be a file name of 1 to 100 letters, digits, dots, dashes and underscores.',
        hint: 'Begin with a letter or digit and leave out folders and the extension.',
      }),
);

/** A folder, made absolute against the working directory. */
export const folder: Kind<string> = kind('path', (value) => resolve(value));

/** A bearer token that a header can carry. */
export const bearerToken: Kind<string> = kind('16–512 characters', (value, refuse) =>
  value.length >= 16 && value.length <= 512 && VISIBLE_ASCII.test(value)
    ? value
    : refuse({
        id: 'E005',
        message: 'Must be 16 to 512 visible ASCII characters without spaces.',
        hint: 'Let `sparekey generate-key` make one.',
      }),
);

/** A password; whether an account could have it is a cross-check, since that depends on MIN_PASSWORD_LENGTH. */
export const password: Kind<string> = kind('MIN_PASSWORD_LENGTH characters to 1024 bytes', (value) => value);
