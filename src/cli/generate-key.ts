import { Command, InvalidArgumentError } from 'commander';
import { generateKey, MIN_KEY_BYTES } from '../config/key.js';

const MAX_KEY_BYTES = 1024;

function parseBytes(text: string): number {
  const bytes = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(bytes >= MIN_KEY_BYTES && bytes <= MAX_KEY_BYTES)) {
    throw new InvalidArgumentError(`Give ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES}.`);
  }
  return bytes;
}

export const generateKeyCommand = new Command('generate-key')
  .description('Print a new RECOVERY_KEY: random bytes as base64url.')
  .option('--bytes <n>', 'how many bytes', parseBytes, MIN_KEY_BYTES)
  .action(({ bytes }: { bytes: number }) => {
    console.log(generateKey(bytes));
  });
