import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

const PRIVATE_SUFFIXES = ['.localhost', '.local', '.internal', '.lan', '.home.arpa', '.test'];
const PRIVATE_RANGES: ReadonlySet<string> = new Set([
  'loopback',
  'private',
  'linkLocal',
  'uniqueLocal',
  'carrierGradeNat',
]);

/** True where only this machine can reach the host: 127.0.0.0/8, ::1 (mapped addresses unwrapped) and localhost. */
export function isLoopbackHost(host: string): boolean {
  const name = normalizeHost(host);
  if (isIP(name) !== 0) return ipaddr.process(name).range() === 'loopback';
  return name === 'localhost' || name.endsWith('.localhost');
}

/**
 * True where the host is not on the public internet, judged without asking DNS: an address of a private range, a name
 * without a dot (a neighbour in a container network) or a name under a suffix that the public DNS does not have.
 */
export function isPrivateHost(host: string): boolean {
  const name = normalizeHost(host);
  if (isIP(name) !== 0) return PRIVATE_RANGES.has(ipaddr.process(name).range());
  return name !== '' && (!name.includes('.') || PRIVATE_SUFFIXES.some((suffix) => name.endsWith(suffix)));
}

/** An IPv6 address gets the brackets that a URL needs; all else stays. */
export function hostInUrl(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}

// Web URLs know every disguise of an address (127.1, 0x7f000001, %31…) that resolvers accept too, other schemes do not.
function normalizeHost(host: string): string {
  const hostname = URL.parse(`http://${hostInUrl(host)}`)?.hostname ?? '';
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}
