import { randomInt } from 'node:crypto';

/** An IPv4 address that no other test calls from, so that limits by address stay apart. */
export function newAddress(): string {
  return `10.${randomInt(256)}.${randomInt(256)}.${randomInt(1, 255)}`;
}

/** Headers of a request from an address, for a server that trusts its proxy on loopback. */
export function from(address = newAddress(), userAgent?: string): Record<string, string> {
  return { 'x-forwarded-for': address, ...(userAgent === undefined ? {} : { 'user-agent': userAgent }) };
}
