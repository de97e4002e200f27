import { createHash } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, errors, jwtVerify, type JWTPayload } from 'jose';
import type { KeyFound, KeyWanted, SigningAlgorithm } from './key-set.js';
import type { TrustedIssuer } from './trusted-issuers.js';

/** What a token of a trusted issuer says that was found good. Times are in seconds since 1970. */
export interface FederatedClaims {
  readonly issuer: string;
  readonly subject: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly authenticatedAt: number;
  /** What makes two tokens of a subject belong to one session: the session's id, or when it began, or the token itself. */
  readonly session: readonly [kind: 'sid' | 'auth_time' | 'jti' | 'token', value: string];
}

/** Why a token is refused, in a fixed phrase for the log. */
export class TokenRefusedError extends Error {}

export const MOST_TOKEN_CHARACTERS = 16_384;
const ALGORITHMS: readonly string[] = ['RS256', 'ES256', 'EdDSA'] satisfies SigningAlgorithm[];
const TYPES = new Set(['at+jwt', 'application/at+jwt', 'jwt', 'application/jwt']);
const LEEWAY_SECONDS = 60;
const LONGEST_LIFE_SECONDS = 86_400;
const PRINTABLE = /^[\x20-\x7e]{1,255}$/;
/** Only ID tokens have them: what was meant for a client to know is not to open doors. */
const ID_TOKEN_CLAIMS = ['nonce', 'at_hash', 'c_hash'];

/** The issuer that a token names, before anything of it is believed; undefined for what is no token. */
export function issuerNamedBy(token: string): string | undefined {
  if (token.length > MOST_TOKEN_CHARACTERS) return undefined;
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

/**
 * Proves a token by the key that `keyFor` knows for it, and checks all that it claims.
 * @throws TokenRefusedError
 */
export async function verifyToken(
  token: string,
  trusted: TrustedIssuer,
  keyFor: (wanted: KeyWanted) => Promise<KeyFound>,
): Promise<FederatedClaims> {
  const wanted = keyWantedBy(token);
  const key = await keyFor(wanted);
  if (key === 'unknown') throw new TokenRefusedError('It names a key that the issuer does not publish.');
  if (key === 'unfit') throw new TokenRefusedError('Its algorithm is not that of its key.');
  const claims = await provenClaims(token, () =>
    jwtVerify(token, key, {
      algorithms: [wanted.alg],
      issuer: trusted.issuer,
      audience: trusted.audience,
      clockTolerance: LEEWAY_SECONDS,
    }),
  );
  checkKind(claims, trusted);
  return claimsOf(token, claims);
}

function keyWantedBy(token: string): KeyWanted {
  const { alg = '', kid, typ = 'JWT' } = headerOf(token);
  if (!ALGORITHMS.includes(alg)) throw new TokenRefusedError('Its algorithm is none of RS256, ES256 and EdDSA.');
  const isTyped = typeof typ === 'string' && TYPES.has(typ.toLowerCase());
  if (!isTyped) throw new TokenRefusedError('Its type is neither at+jwt nor JWT.');
  if (kid !== undefined && typeof kid !== 'string') throw new TokenRefusedError('Its key id is no text.');
  return { alg: alg as SigningAlgorithm, kid };
}

function headerOf(token: string) {
  try {
    return decodeProtectedHeader(token);
  } catch {
    throw new TokenRefusedError('It is malformed.');
  }
}

async function provenClaims(
  token: string,
  verify: () => Promise<{ readonly payload: JWTPayload }>,
): Promise<JWTPayload> {
  try {
    return (await verify()).payload;
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError) throw new TokenRefusedError(phraseOf(error));
    throw error;
  }
}

const CLAIM_PHRASES: Readonly<Record<string, string>> = {
  aud: 'It is for another audience.',
  nbf: 'It is not valid yet.',
};

/** What the library says may quote the token. */
function phraseOf(error: Error): string {
  if (error instanceof errors.JWTExpired) return 'It has expired.';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'Its signature is wrong.';
  const claim = error instanceof errors.JWTClaimValidationFailed ? error.claim : '';
  return CLAIM_PHRASES[claim] ?? 'It is malformed.';
}

function checkKind(claims: JWTPayload, { acceptIdTokens }: TrustedIssuer): void {
  if (Object.hasOwn(claims, 'events')) throw new TokenRefusedError('It tells of an event and signs nobody in.');
  const isIdToken = ID_TOKEN_CLAIMS.some((name) => Object.hasOwn(claims, name));
  if (isIdToken && !acceptIdTokens)
    throw new TokenRefusedError('It is an ID token, and the issuer may send access tokens only.');
}

function claimsOf(token: string, claims: JWTPayload): FederatedClaims {
  const { iss: issuer = '', sub: subject } = claims;
  const { issuedAt, expiresAt, authenticatedAt } = timesOf(claims);
  if (!isPrintable(subject)) throw new TokenRefusedError('Its subject is not 1 to 255 printable characters.');
  const session = sessionOf(token, claims, authenticatedAt);
  return { issuer, subject, issuedAt, expiresAt, authenticatedAt: authenticatedAt ?? issuedAt, session };
}

function timesOf({ iat, exp, auth_time: authenticatedAt }: JWTPayload) {
  if (!isPast(iat)) throw new TokenRefusedError('Its iat is no time in the past.');
  if (exp === undefined || exp <= Date.now() / 1_000) throw new TokenRefusedError('It has expired.');
  if (exp - iat > LONGEST_LIFE_SECONDS) throw new TokenRefusedError('It is valid for more than 24 hours.');
  if (authenticatedAt !== undefined && !isPast(authenticatedAt)) {
    throw new TokenRefusedError('Its auth_time is no time in the past.');
  }
  return { issuedAt: iat, expiresAt: exp, authenticatedAt };
}

/** As far as clocks agree. */
function isPast(time: unknown): time is number {
  return typeof time === 'number' && time >= 0 && time <= Date.now() / 1_000 + LEEWAY_SECONDS;
}

function isPrintable(text: unknown): text is string {
  return typeof text === 'string' && PRINTABLE.test(text);
}

function sessionOf(
  token: string,
  { sid, jti }: JWTPayload,
  authenticatedAt: number | undefined,
): FederatedClaims['session'] {
  if (isPrintable(sid)) return ['sid', sid];
  if (sid !== undefined) throw new TokenRefusedError('Its sid is not 1 to 255 printable characters.');
  if (authenticatedAt !== undefined) return ['auth_time', String(authenticatedAt)];
  if (isPrintable(jti)) return ['jti', jti];
  // Without the signature, of which there may be several that are good.
  const signed = token.slice(0, token.lastIndexOf('.'));
  return ['token', createHash('sha256').update(signed).digest('base64url')];
}
