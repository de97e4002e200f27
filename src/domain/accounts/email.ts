import { BadUserInputError } from '../errors.js';

const MAX_EMAIL_LENGTH = 254;
const MAX_LOCAL_PART_LENGTH = 64;
const SHAPE = /^[^\s@<>()[\]\\,;:"\p{C}]+@[^\s@<>()[\]\\,;:"\p{C}.]+(?:\.[^\s@<>()[\]\\,;:"\p{C}.]+)*$/u;

/** An address and the form in which addresses are compared. */
export interface EmailAddress {
  /** As typed, but for white space around it and its Unicode form: NFKC, so that two addresses that compare equal differ in case only, and no mail for one goes to a mailbox of another. */
  readonly address: string;
  readonly key: string;
}

/** The form in which addresses are compared: NFKC, lower case. Always answers, also for what is no address. */
export function emailKeyOf(typed: string): string {
  return typed.replaceAll('\0', '\uFFFD').trim().normalize('NFKC').toLowerCase();
}

/** @throws BadUserInputError for what no mail could be sent to. */
export function parseEmail(typed: string, path = 'email'): EmailAddress {
  const address = typed.trim().normalize('NFKC');
  const localPart = address.split('@', 1)[0] ?? '';
  if (address.length > MAX_EMAIL_LENGTH || localPart.length > MAX_LOCAL_PART_LENGTH || !SHAPE.test(address)) {
    throw new BadUserInputError(path, 'Give one e-mail address, such as ada@example.org.');
  }
  return { address, key: emailKeyOf(address) };
}
