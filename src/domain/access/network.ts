import ipaddr from 'ipaddr.js';

const V6_NETWORK_BITS = 64;

/** What limits count as one address: an IPv4 address (mapped ones unwrapped), or the /64 of an IPv6 one. */
export function networkOf(address: string | undefined): string | undefined {
  if (address === undefined || !ipaddr.isValid(address)) return undefined;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/${V6_NETWORK_BITS}`).toString()}/${V6_NETWORK_BITS}`;
}
