import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { networkOf } from '../../src/domain/access/network.js';

describe('What limits count as one address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002:ffff:ffff:ffff:ffff', '2001:db8:1:2::/64'],
    ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
    ['::1', '::/64'],
  ])('is for %s %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  it.each([undefined, '', 'localhost', '192.0.2.256', ' 192.0.2.1', '1.2.3.4, 5.6.7.8', ':::', 'unix:'])(
    'is nothing for %j, which is no address',
    (text) => {
      expect(networkOf(text)).toBeUndefined();
    },
  );

  it('is the same for all addresses of one /64, and differs between two', () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
    const half = fc.array(group, { minLength: 4, maxLength: 4 }).map((groups) => groups.join(':'));
    fc.assert(
      fc.property(half, half, half, half, (prefix, other, host, guest) => {
        fc.pre(prefix !== other && !prefix.startsWith('0:0:0:0') && !other.startsWith('0:0:0:0'));
        expect(networkOf(`${prefix}:${host}`)).toBe(networkOf(`${prefix}:${guest}`));
        expect(networkOf(`${prefix}:${host}`)).not.toBe(networkOf(`${other}:${host}`));
      }),
    );
  });
});
