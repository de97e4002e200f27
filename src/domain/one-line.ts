const UNPRINTABLE = /[\p{Cc}\p{Cs}\u2028-\u202E\u2066-\u2069]/u;

/** Whether a name that somebody gives is one line that reads as it was written, not blank and not too long. */
export function isOneLine(text: string, mostCharacters: number): boolean {
  return text.trim() !== '' && Array.from(text).length <= mostCharacters && !UNPRINTABLE.test(text);
}
