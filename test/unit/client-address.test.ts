import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createClientAddress, isLoopback } from '../../src/server/client-address.js';

const PROXIES = ['10.0.0.0/8', '2001:db8:1::/48', '192.0.2.7'];

describe('The client address', () => {
  const direct = createClientAddress([]);
  const proxied = createClientAddress(PROXIES);

  it.each([
    ['203.0.113.5', '203.0.113.5'],
    ['::ffff:203.0.113.5', '203.0.113.5'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['', undefined],
    [undefined, undefined],
  ])('of peer %s without proxies is %s', (peer, expected) => {
    expect(direct(peer, undefined)).toBe(expected);
  });

  it('does not believe the header where no proxy is trusted', () => {
    expect(direct('203.0.113.5', '198.51.100.1')).toBe('203.0.113.5');
  });

  it('does not believe the header of a peer that is no trusted proxy', () => {
    expect(proxied('203.0.113.5', '198.51.100.1')).toBe('203.0.113.5');
  });

  it.each([
    ['the one entry', '10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['the rightmost one that is not trusted', '10.0.0.1', '1.1.1.1, 198.51.100.1', '198.51.100.1'],
    ['the one before a chain of proxies', '10.0.0.1', '1.1.1.1, 198.51.100.1, 10.9.9.9, 192.0.2.7', '198.51.100.1'],
    ['the leftmost where all are trusted', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['the proxy itself where the header is missing', '10.0.0.1', undefined, '10.0.0.1'],
    ['the last proxy before garbage', '10.0.0.1', '198.51.100.1, unknown, 10.0.0.2', '10.0.0.2'],
    ['the peer where garbage comes first', '10.0.0.1', '198.51.100.1, <script>', '10.0.0.1'],
    ['the peer where the header is empty', '10.0.0.1', '', '10.0.0.1'],
    ['an entry less its port', '10.0.0.1', '198.51.100.1:4711', '198.51.100.1'],
    ['an IPv6 entry in brackets', '10.0.0.1', '[2001:db8:2::1]:4711', '2001:db8:2::1'],
    ['a mapped entry unwrapped', '::ffff:10.0.0.1', '::ffff:198.51.100.1', '198.51.100.1'],
    ['the client behind an IPv6 proxy', '2001:db8:1::9', '198.51.100.1', '198.51.100.1'],
    ['nobody by a short form of an address', '10.0.0.1', '0x0a000001', '10.0.0.1'],
  ])('behind proxies is %s', (_which, peer, header, expected) => {
    expect(proxied(peer, header)).toBe(expected);
  });

  it('trusts IPv4 proxies that are named in their mapped form', () => {
    expect(createClientAddress(['::ffff:10.0.0.0/104'])('10.1.2.3', '198.51.100.1')).toBe('198.51.100.1');
  });

  it('cannot be chosen by what a client puts in front', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string())), (forged) => {
        expect(proxied('10.0.0.1', [...forged, '198.51.100.1', '10.0.0.2'].join(', '))).toBe('198.51.100.1');
      }),
    );
  });

  it('refuses a proxy that is no network', () => {
    expect(() => createClientAddress(['everybody'])).toThrow('neither an address nor a CIDR');
  });
});

describe('Loopback', () => {
  it.each(['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'])('is %s', (address) => {
    expect(isLoopback(address)).toBe(true);
  });

  it.each(['10.0.0.1', '0.0.0.0', '::', '2130706433', 'localhost', undefined])('is not %s', (address) => {
    expect(isLoopback(address)).toBe(false);
  });
});
