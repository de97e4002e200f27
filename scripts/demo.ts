// `npm run demo`: does with a running server what an application does, over HTTP, and prints each answer.
import { parseArgs } from 'node:util';
import { join } from 'node:path';
import { DemoError } from './demo/demo-error.ts';
import { takeTour } from './demo/tour.ts';

const USAGE = `npm run demo [-- [url] [--mail-dir folder]]

  url               where the server is; http://127.0.0.1:4000 without it
  ADMIN_PASSWORD    in the environment: the password of ADMIN_EMAIL, for what only an admin may do; it is asked for at a
                    terminal, and that part is left out without it
  --mail-dir        where it puts its mails; DATA_DIR/mail, or .data/mail, without it
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'mail-dir': { type: 'string' }, help: { type: 'boolean', short: 'h' } },
});

async function adminOf() {
  const email = process.env['ADMIN_EMAIL'] ?? 'admin@localhost';
  const given = process.env['ADMIN_PASSWORD'];
  if (given !== undefined || !process.stdin.isTTY) return given === undefined ? undefined : { email, password: given };
  const { password: ask } = await import('@inquirer/prompts');
  const password = await ask({ message: `Password of ${email} (empty: without what only an admin may do)` });
  return password === '' ? undefined : { email, password };
}

async function main(): Promise<void> {
  const url = (positionals[0] ?? 'http://127.0.0.1:4000').replace(/\/+$/, '');
  const mailDir = values['mail-dir'] ?? join(process.env['DATA_DIR'] ?? '.data', 'mail');
  try {
    await takeTour({ url, mailDir, admin: await adminOf() });
  } catch (error) {
    if (!(error instanceof DemoError)) throw error;
    console.error(`\n${error.message}`);
    process.exitCode = 1;
  }
}

if (values.help) console.log(USAGE);
else await main();
