import { BadUserInputError } from '../errors.js';
import { isOneLine } from '../one-line.js';
import { isFetchableUrl } from './issuer-url.js';

/** What an admin says of a trusted issuer. */
export interface OidcClientInput {
  readonly name: string;
  readonly issuer: string;
  readonly audience: string;
  /** Absent or null: false. */
  readonly acceptIdTokens?: boolean | null | undefined;
  /** Absent or null: by discovery. */
  readonly jwksUri?: string | null | undefined;
  /** Absent or null: as it was; true of a new one. */
  readonly isEnabled?: boolean | null | undefined;
}

/** The same, checked. */
export interface ParsedClient {
  readonly name: string;
  readonly issuer: string;
  readonly audience: string;
  readonly acceptIdTokens: boolean;
  readonly jwksUri: string | undefined;
  readonly isEnabled: boolean | undefined;
}

export interface ClientRules {
  /** The issuer of our own tokens. */
  readonly ownIssuer: string;
  readonly allowLoopback: boolean;
}

const MOST_NAME_CHARACTERS = 180;
const MOST_CHARACTERS = 255;

/** @throws BadUserInputError that names the field at fault; nothing is saved then */
export function parseClient(input: OidcClientInput, rules: ClientRules): ParsedClient {
  const { name, issuer, audience, acceptIdTokens, jwksUri, isEnabled } = input;
  checkLine('input.name', name, MOST_NAME_CHARACTERS);
  checkIssuer(issuer, rules);
  checkLine('input.audience', audience, MOST_CHARACTERS);
  if (typeof jwksUri === 'string' && !isFetchableUrl(jwksUri, rules.allowLoopback)) {
    throw new BadUserInputError('input.jwksUri', 'Give an https address without credentials and fragment.');
  }
  return {
    name,
    issuer,
    audience,
    acceptIdTokens: acceptIdTokens ?? false,
    jwksUri: jwksUri ?? undefined,
    isEnabled: isEnabled ?? undefined,
  };
}

function checkLine(path: string, text: string, most: number): void {
  if (isOneLine(text, most)) return;
  throw new BadUserInputError(path, `Give one line of 1 to ${most} characters.`);
}

function checkIssuer(issuer: string, { ownIssuer, allowLoopback }: ClientRules): void {
  const isUrl = issuer.length <= MOST_CHARACTERS && !issuer.includes('?') && isFetchableUrl(issuer, allowLoopback);
  if (!isUrl) {
    const message = 'Give the https address that its tokens name as iss, to the letter, without query and fragment.';
    throw new BadUserInputError('input.issuer', message);
  }
  const isOwn = URL.parse(issuer)?.href === URL.parse(ownIssuer)?.href;
  if (isOwn) throw new BadUserInputError('input.issuer', 'This is our own issuer, whose tokens are known already.');
}
