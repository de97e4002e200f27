import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
const NAT64_PREFIX_BYTES = 12;

/**
 * Whether an address is on the public internet. One that wraps an IPv4 address (mapped, or NAT64) is judged by what it
 * wraps; one that leads through a tunnel or a translator otherwise is not public.
 */
export function isPublicAddress(text: string): boolean {
  const address = unwrapped(text);
  if (address?.range() !== 'unicast') return false;
  // What is not given to anybody yet counts as unicast, too.
  return address instanceof ipaddr.IPv4 || address.match(GLOBAL_UNICAST);
}

/** Whether only this machine has the address. */
export function isLoopbackAddress(text: string): boolean {
  return unwrapped(text)?.range() === 'loopback';
}

function unwrapped(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  // The other library takes what only looks like an address, too.
  if (isIP(text) === 0) return undefined;
  const address = ipaddr.process(text);
  if (address instanceof ipaddr.IPv4 || !address.match(NAT64)) return address;
  return ipaddr.fromByteArray(address.toByteArray().slice(NAT64_PREFIX_BYTES));
}
