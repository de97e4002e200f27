import { describe, expect, it } from '@jest/globals';
import { isLoopbackAddress, isPublicAddress } from '../../src/http-fetch/reachable-address.js';

/** Addresses by what they are (RFC 6890 and what came after it), and whether an issuer may have them. */
const PUBLIC = [
  '1.1.1.1',
  '8.8.8.8',
  '100.63.255.255',
  '100.128.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.167.255.255',
  '223.255.255.255',
  '2606:4700:4700::1111',
  '2a00:1450:4001:80e::200e',
  // Mapped, and through NAT64.
  '::ffff:8.8.8.8',
  '::ffff:808:808',
  '64:ff9b::8.8.8.8',
  '64:ff9b::101:101',
];

const NOT_PUBLIC: readonly [string, readonly string[]][] = [
  ['unspecified', ['0.0.0.0', '0.1.2.3', '::']],
  ['loopback', ['127.0.0.1', '127.255.255.254', '::1', '::ffff:127.0.0.1', '64:ff9b::127.0.0.1', '64:ff9b::7f00:1']],
  ['private', ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.0.1', '::ffff:10.0.0.1', '64:ff9b::a00:1']],
  ['of a carrier', ['100.64.0.1', '100.127.255.255', '::ffff:100.64.0.1', '64:ff9b::6440:1']],
  [
    'link-local',
    ['169.254.169.254', 'fe80::1', 'febf::1', 'fe80::1%lo', '::ffff:169.254.169.254', '64:ff9b::a9fe:a9fe'],
  ],
  ['unique local', ['fc00::1', 'fd00:ec2::254']],
  ['site-local', ['fec0::1']],
  ['multicast', ['224.0.0.1', '239.255.255.255', 'ff02::1', '::ffff:224.0.0.1']],
  ['broadcast', ['255.255.255.255']],
  ['reserved', ['192.0.0.8', '192.88.99.1', '240.0.0.1', '100::1', '4000::1', 'fe00::1']],
  [
    'for documents and benchmarks',
    ['192.0.2.1', '198.18.0.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1'],
  ],
  ['IPv4-compatible', ['::10.0.0.1', '::7f00:1']],
  [
    'translated or tunnelled otherwise',
    ['64:ff9b:1::8.8.8.8', '::ffff:0:8.8.8.8', '2002:a00:1::1', '2002:808:808::1', '2001::1'],
  ],
  ['no address', ['', 'localhost', '8.8.8', '0x7f000001', '2130706433', '::g', '8.8.8.8/32', 'example.org']],
];

describe('an address', () => {
  it.each(PUBLIC)('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true);
    expect(isLoopbackAddress(address)).toBe(false);
  });

  it.each(NOT_PUBLIC)('that is %s is not public', (_what, addresses) => {
    expect(addresses.filter(isPublicAddress)).toEqual([]);
  });

  it('is of this machine only where it is loopback', () => {
    const all = NOT_PUBLIC.flatMap(([, addresses]) => addresses);
    expect(all.filter(isLoopbackAddress)).toEqual([
      '127.0.0.1',
      '127.255.255.254',
      '::1',
      '::ffff:127.0.0.1',
      '64:ff9b::127.0.0.1',
      '64:ff9b::7f00:1',
    ]);
  });
});
