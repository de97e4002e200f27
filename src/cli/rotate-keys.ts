import { Command } from 'commander';
import { rotateSigningKey } from '../domain/accounts/rotate-signing-key.js';
import type { SigningKeyRecord } from '../domain/accounts/signing-key-rows.js';
import { prepareStores } from '../stores.js';
import { type Insistence, isMeant } from './is-meant.js';
import { withStores } from './with-stores.js';

interface Options extends Insistence {
  readonly revokePrevious?: boolean;
  readonly json?: boolean;
}

export const rotateKeys = new Command('rotate-keys')
  .description('Make a new signing key for access tokens. The previous one goes on proving tokens for a while.')
  .option('--revoke-previous', 'end every previous key now: access tokens that they signed are refused')
  .option('--json', 'print the new key as JSON')
  .option('--yes', 'do not ask')
  .option('--noinput', 'the same')
  .action(async (options: Options) => {
    const isPreviousRevoked = options.revokePrevious === true;
    if (isPreviousRevoked && !(await isMeant(options, 'Are you sure you want to revoke all previous signing keys?'))) {
      console.log('Nothing was rotated.');
      return;
    }
    await withStores(async (stores, config) => {
      await prepareStores(stores, config);
      const { keyRotationTtlSeconds: ttlSeconds } = config.accounts;
      const rotation = { ttlSeconds, isPreviousRevoked, occasion: 'from the command line', source: {} } as const;
      const key = await rotateSigningKey(stores.connection.db, stores.keyring, rotation);
      print(key as SigningKeyRecord, { ...options, ttlSeconds });
    });
  });

function print(key: SigningKeyRecord, { revokePrevious, json, ttlSeconds }: Options & { ttlSeconds: number }): void {
  if (json === true) {
    console.log(JSON.stringify(key));
    return;
  }
  const previous =
    revokePrevious === true
      ? 'every previous key was revoked'
      : `the previous one stays valid for ${ttlSeconds} seconds`;
  console.log(`The signing key is ${key.kid} now; ${previous}.`);
}
