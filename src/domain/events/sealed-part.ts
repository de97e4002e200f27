import { v7 as newId } from 'uuid';
import type { Keyring } from '../crypto/keyring.js';

/** A secret that an outbox message carries, sealed under the message's own id. Wiped on delivery. */
export interface SealedPart {
  readonly id: string;
  /** key id (8 bytes) ‖ nonce ‖ ciphertext ‖ tag */
  readonly bytes: Buffer;
}

const KEY_ID_BYTES = 8;

/** Seals a secret for a message that is to have the id returned with it. */
export function sealForOutbox(keyring: Keyring, secret: string): SealedPart {
  const id = newId();
  const { keyId, bytes } = keyring.seal('outbox', secret, { aad: id });
  return { id, bytes: Buffer.concat([Buffer.from(keyId, 'hex'), bytes]) };
}

export function openFromOutbox(keyring: Keyring, { id, bytes }: SealedPart): string {
  const keyId = bytes.subarray(0, KEY_ID_BYTES).toString('hex');
  return keyring.open('outbox', { keyId, bytes: bytes.subarray(KEY_ID_BYTES) }, { aad: id });
}
