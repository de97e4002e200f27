const MAX_DEPTH = 5;

/** PostgreSQL: shutting down, starting up, crashed, too many connections, or a standby that takes no writes yet. */
const AWAY_STATES = ['57P01', '57P02', '57P03', '57P05', '53300', '25006'];
const CONNECTION_EXCEPTION = /^08[0-9A-Z]{3}$/;

const NETWORK_CODES = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
];

const AWAY_CODES: ReadonlySet<string> = new Set([...AWAY_STATES, ...NETWORK_CODES]);

/** What the driver and its pool throw without any code. */
const DRIVER_MESSAGES = [
  /\bConnection terminated\b/,
  /\btimeout exceeded when trying to connect\b/,
  /\bClient (has encountered a connection error|was closed) and is not queryable\b/,
  /\bCannot use a pool after calling end on the pool\b/,
  /\bQuery read timeout\b/,
  /\bdriver has already been destroyed\b/,
];

/**
 * Whether an error says that the database cannot be reached at the moment, rather than that a statement was wrong. Looks
 * through wrappers: `cause`, and the several errors of one connection attempt to several addresses.
 */
export function isDatabaseAway(error: unknown): boolean {
  return isAway(error, MAX_DEPTH);
}

function isAway(error: unknown, depth: number): boolean {
  if (!(error instanceof Error) || depth === 0) return false;
  if (hasAwayCode(error) || DRIVER_MESSAGES.some((pattern) => pattern.test(error.message))) return true;
  return inner(error).some((each) => isAway(each, depth - 1));
}

interface CodedError {
  readonly code?: unknown;
  readonly severity?: unknown;
  readonly syscall?: unknown;
}

function hasAwayCode({ code, severity, syscall }: Error & CodedError): boolean {
  if (typeof code !== 'string') return false;
  // A Unix socket that is gone, or left over by a server that is gone.
  if (code === 'ENOENT') return syscall === 'connect';
  // Closed by ALTER DATABASE … ALLOW_CONNECTIONS false; of a statement this state says something else.
  if (code === '55000') return severity === 'FATAL';
  return AWAY_CODES.has(code) || CONNECTION_EXCEPTION.test(code);
}

function inner(error: Error): unknown[] {
  const several: unknown = 'errors' in error ? error.errors : undefined;
  return Array.isArray(several) ? [error.cause, ...several] : [error.cause];
}
