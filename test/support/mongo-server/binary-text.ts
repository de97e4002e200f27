import { Binary } from 'bson';

/**
 * Makes mingo tell binaries apart. It compares objects of other classes by their text, and that of a binary is its
 * bytes read as UTF-8, in which all that are no UTF-8 look alike.
 */
export function compareBinariesByBytes(): void {
  const { toString } = Binary.prototype;
  Binary.prototype.toString = function inHex(this: Binary, encoding = 'hex') {
    return toString.call(this, encoding);
  };
}
