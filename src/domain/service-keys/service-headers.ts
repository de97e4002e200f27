import { writtenAddress } from '../access/network.js';
import { BadUserInputError } from '../errors.js';

/** The values of a request's header, as often as it was sent. @param name in lower case */
export type HeaderValues = (name: string) => readonly string[];

/** What a request with a service key says of whom it is for. */
export interface ServiceHeaders {
  /** The host application's own id of its user. */
  readonly subject: string | undefined;
  /** Which of the user's sessions with the host application it is. */
  readonly session: string | undefined;
  /** Where the user asks from. */
  readonly clientAddress: string | undefined;
}

const NAME = /^[\x20-\x7e]{1,255}$/;
const A_NAME = 'Send it once, with 1 to 255 printable ASCII characters.';

/** @throws BadUserInputError that names the header at fault. One that was sent twice is, whatever it says. */
export function parseServiceHeaders(values: HeaderValues): ServiceHeaders {
  const of = (name: string, meaning: Meaning) => meantBy(values(name.toLowerCase()), name, meaning);
  return {
    subject: of('X-Sparekey-Subject', { read: named, right: A_NAME }),
    session: of('X-Sparekey-Subject-Session', { read: named, right: A_NAME }),
    clientAddress: of('X-Sparekey-Client-Address', {
      read: writtenAddress,
      right: 'Send it once, with one IP address.',
    }),
  };
}

interface Meaning {
  readonly read: (value: string) => string | undefined;
  /** What to do about one that is wrong. */
  readonly right: string;
}

function meantBy([value, ...others]: readonly string[], name: string, { read, right }: Meaning): string | undefined {
  if (value === undefined) return undefined;
  const meant = others.length === 0 ? read(value) : undefined;
  if (meant === undefined) throw new BadUserInputError(name, `The header ${name} is not as it has to be. ${right}`);
  return meant;
}

function named(value: string): string | undefined {
  return NAME.test(value) ? value : undefined;
}
