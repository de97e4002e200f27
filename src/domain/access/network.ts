import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

const V6_NETWORK_BITS = 64;

/** What limits count as one address: an IPv4 address (mapped ones unwrapped), or the /64 of an IPv6 one. */
export function networkOf(address: string | undefined): string | undefined {
  if (address === undefined || !ipaddr.isValid(address)) return undefined;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/${V6_NETWORK_BITS}`).toString()}/${V6_NETWORK_BITS}`;
}

/** An IP address as text: of IPv4 all four decimals, mapped ones unwrapped, without a zone. Undefined for anything else. */
export function writtenAddress(text: string): string | undefined {
  return isIP(text) === 0 || text.includes('%') ? undefined : ipaddr.process(text).toString();
}
