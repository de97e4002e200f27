/** Why nothing came from an address that could be used. */
export type FetchFailure =
  'NOT_ALLOWED' | 'UNREACHABLE' | 'TOO_SLOW' | 'REDIRECTED' | 'HTTP_ERROR' | 'TOO_LARGE' | 'NOT_JSON';

export type Fetched =
  | { readonly isFetched: true; readonly body: unknown }
  | { readonly isFetched: false; readonly failure: FetchFailure; readonly cause?: unknown };

/**
 * Fetches a document from where an admin or an issuer's own document says: from public addresses only, by https, within
 * limits of time and size. Whatever goes wrong is told, never thrown.
 */
export type FetchJson = (url: string, ending: AbortSignal) => Promise<Fetched>;
