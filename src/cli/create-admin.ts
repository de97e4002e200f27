import { text } from 'node:stream/consumers';
import { Command } from 'commander';
import type { Config } from '../config/config.js';
import { makeAdmin } from '../domain/accounts/admins.js';
import { parseEmail } from '../domain/accounts/email.js';
import { PasswordHasher } from '../domain/accounts/password-hasher.js';
import { checkNewPassword } from '../domain/accounts/password-policy.js';
import { HashPool } from '../domain/crypto/hash-pool.js';
import { noMeter } from '../domain/meter.js';
import { prepareStores } from '../stores.js';
import { withStores } from './with-stores.js';

export const createAdmin = new Command('create-admin')
  .description('Make an admin. Asks for the password, or reads it from standard input where no terminal looks on.')
  .requiredOption('--email <address>', 'the address, which counts as verified')
  .action(async ({ email }: { email: string }) => {
    const address = parseEmail(email, '--email');
    const password = await readPassword();
    await withStores(async (stores, config) => {
      await prepareStores(stores, config);
      await checkNewPassword(password, policyOf(config, address.address));
      const hasher = new PasswordHasher(new HashPool({ concurrency: 1, queueLength: 1 }), noMeter);
      const hash = await hasher.hash(password);
      await stores.connection.db.transaction().execute((tx) => makeAdmin(tx, address, hash));
    });
    console.log(`${address.address} is an admin now.`);
  });

function policyOf({ accounts, server }: Config, email: string) {
  return { path: 'password', email, siteName: server.siteName, minLength: accounts.minPasswordLength };
}

async function readPassword(): Promise<string> {
  if (!process.stdin.isTTY) return (await text(process.stdin)).replace(/\r?\n$/, '');
  const { password } = await import('@inquirer/prompts');
  const chosen = await password({ message: 'Password', mask: '*' });
  const repeated = await password({ message: 'The same once more', mask: '*' });
  if (chosen !== repeated) throw new Error('The two are not the same. Nothing was changed.');
  return chosen;
}
