import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = readonly [Address, number];

/** Finds the address that a request counts for; `peer` is the connecting socket's, `forwardedFor` the header as received. */
export type ClientAddress = (peer: string | undefined, forwardedFor: string | undefined) => string | undefined;

/**
 * Believes X-Forwarded-For only as far as trusted proxies wrote it: from the right, the first entry that is not itself a
 * trusted proxy is the client. Something that is no address ends the search at the proxy that passed it on. Mapped IPv6
 * addresses come out as the IPv4 ones that they are.
 *
 * @param trusted CIDRs, or single addresses, of proxies; none means that the header is never read.
 * @throws Error for an entry that is neither.
 */
export function createClientAddress(trusted: readonly string[]): ClientAddress {
  const ranges = trusted.map(parseRange);
  return (peer, forwardedFor) => {
    let client = parseAddress(peer);
    if (forwardedFor !== undefined && client && isTrusted(client, ranges)) {
      client = lastUntrusted(client, forwardedFor.split(','), ranges);
    }
    return client?.toString();
  };
}

/** Whether an address is this machine's own. */
export function isLoopback(address: string | undefined): boolean {
  return parseAddress(address)?.range() === 'loopback';
}

function lastUntrusted(proxy: Address, entries: string[], ranges: readonly Range[]): Address {
  let client = proxy;
  for (const entry of entries.toReversed()) {
    const address = parseAddress(withoutPort(entry.trim()));
    if (!address) return client;
    client = address;
    if (!isTrusted(client, ranges)) return client;
  }
  return client;
}

function isTrusted(address: Address, ranges: readonly Range[]): boolean {
  return ranges.some(([network, bits]) => address.kind() === network.kind() && address.match(network, bits));
}

function parseAddress(text: string | undefined): Address | undefined {
  if (text === undefined || !isWritten(text)) return undefined;
  const address = ipaddr.process(text);
  if ('zoneId' in address) delete address.zoneId;
  return address;
}

/** Four decimals or IPv6: not the shorter, octal and hexadecimal forms that the parser reads as addresses as well. */
function isWritten(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || (text.includes(':') && ipaddr.IPv6.isValid(text));
}

/** Some proxies write `192.0.2.1:5678` or `[2001:db8::1]:5678`. */
function withoutPort(entry: string): string {
  return /^\[([^\]]+)\](?::\d+)?$/.exec(entry)?.[1] ?? /^([\d.]+):\d+$/.exec(entry)?.[1] ?? entry;
}

function parseRange(cidr: string): Range {
  if (ipaddr.isValidCIDR(cidr)) return unmapped(ipaddr.parseCIDR(cidr));
  const address = parseAddress(cidr);
  if (!address) throw new Error('A trusted proxy is neither an address nor a CIDR.');
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

/** Addresses are unwrapped before they are compared, so the networks are too. */
function unmapped([network, bits]: Range): Range {
  const isMapped = 'isIPv4MappedAddress' in network && network.isIPv4MappedAddress() && bits >= 96;
  return isMapped ? [network.toIPv4Address(), bits - 96] : [network, bits];
}
