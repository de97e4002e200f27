import type { FetchFailure, Fetched, FetchJson } from './fetch-json.js';
import { discoveryUrl, isFetchableUrl } from './issuer-url.js';
import { type PublicJwk, usableKeys } from './key-set.js';

/** Where an issuer's keys are. */
export interface KeySource {
  readonly issuer: string;
  readonly jwksUri: string;
  /** Its address is taken from the issuer's discovery document each time. */
  readonly isDiscovered: boolean;
}

export type KeysFailure = FetchFailure | 'OTHER_ISSUER' | 'NO_ADDRESS' | 'NO_KEYS';

/** What is told of each failure. */
export const FAILURE_PHRASES: Readonly<Record<KeysFailure, string>> = {
  NOT_ALLOWED: 'The address is not on the public internet, or not https.',
  UNREACHABLE: 'The issuer could not be reached, or has no certificate that is trusted.',
  TOO_SLOW: 'The issuer took too long.',
  REDIRECTED: 'The issuer answered with a redirect, and none is followed.',
  HTTP_ERROR: 'The issuer answered with an HTTP error.',
  TOO_LARGE: 'The issuer answered with more than 256 kB.',
  NOT_JSON: 'The issuer did not answer with JSON.',
  OTHER_ISSUER: 'The discovery document names another issuer.',
  NO_ADDRESS: 'The discovery document names no address of keys that may be used.',
  NO_KEYS: 'The issuer answered without a key that could prove a token (RS256, ES256, EdDSA).',
};

export type FetchedKeys =
  | { readonly isFetched: true; readonly jwksUri: string; readonly keys: readonly PublicJwk[] }
  | { readonly isFetched: false; readonly failure: KeysFailure; readonly cause?: unknown };

const ALL_WITHIN_MS = 10_000;

export interface KeyFetching {
  readonly fetchJson: FetchJson;
  readonly allowLoopback: boolean;
}

/** Fetches the keys of an issuer, and finds out first where they are. A set without a usable key is a failure. */
export async function fetchKeys(fetching: KeyFetching, source: KeySource): Promise<FetchedKeys> {
  const ending = AbortSignal.timeout(ALL_WITHIN_MS);
  const found = source.isDiscovered ? await discovered(fetching, source.issuer, ending) : source;
  if ('isFetched' in found) return found;
  const answer = await fetching.fetchJson(found.jwksUri, ending);
  if (!answer.isFetched) return answer;
  const keys = await usableKeys(answer.body);
  return keys.length === 0 ? failed('NO_KEYS') : { isFetched: true, jwksUri: found.jwksUri, keys };
}

type Failed = Extract<FetchedKeys | Fetched, { readonly isFetched: false }>;

async function discovered(
  { fetchJson, allowLoopback }: KeyFetching,
  issuer: string,
  ending: AbortSignal,
): Promise<{ readonly jwksUri: string } | Failed> {
  const answer = await fetchJson(discoveryUrl(issuer), ending);
  if (!answer.isFetched) return answer;
  const { issuer: named, jwks_uri: jwksUri } = (answer.body ?? {}) as Readonly<Record<string, unknown>>;
  if (named !== issuer) return failed('OTHER_ISSUER');
  const isUsable = typeof jwksUri === 'string' && isFetchableUrl(jwksUri, allowLoopback);
  return isUsable ? { jwksUri } : failed('NO_ADDRESS');
}

function failed(failure: KeysFailure) {
  return { isFetched: false as const, failure };
}
