import { randomBytes, randomUUID } from 'node:crypto';
import {
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeSystemFolder, runProgram } from './embedded-program.js';
import { isRunning } from './embedded-server.js';
import { findClosedFolder, type OsUser } from './embedded-user.js';

/** The role, and the database it owns, that Sparekey connects with. It is no superuser. */
export const APP_ROLE = 'sparekey';

/** The name a home is made under, before the process id of its maker. */
const ATTEMPT = 'postgres.new-';
const MADE_WITHIN_MS = 30_000;
const ASK_EVERY_MS = 20;

/** What the embedded server keeps on disk: everything lies in `folder`, which carries this name only once complete. */
export interface Home {
  readonly folder: string;
  readonly dataFolder: string;
  readonly appPassword: string;
}

interface HomeOptions {
  readonly dataDir: string;
  readonly programs: string;
  readonly user: OsUser | undefined;
  readonly isDurable: boolean;
  readonly warn: (message: string) => void;
}

/**
 * Opens the embedded server's home in `dataDir`, and makes it first where there is none. It is made under another
 * name and given its own in one step: whoever finds it finds it complete, an interrupted attempt is never taken for
 * it, and of several processes that start at once one makes it while the others wait.
 */
export async function openHome(options: HomeOptions): Promise<Home> {
  const { dataDir, user } = options;
  if (user) await letThrough(dataDir, user);
  const home = (await readHome(dataDir)) ?? (await makeHomeOnce(options));
  const closed = user && (await findClosedFolder(home.folder, user));
  if (!closed) return home;
  throw new Error(`the user that owns ${home.folder} cannot pass ${closed}: open it by chmod o+x, or move DATA_DIR`);
}

/** Passing through is all the server's user may do in DATA_DIR: it can neither list nor replace Sparekey's own files. */
async function letThrough(dataDir: string, user: OsUser): Promise<void> {
  if ((await findClosedFolder(dataDir, user)) !== dataDir) return;
  const { uid, mode } = await stat(dataDir);
  await chown(dataDir, uid, user.gid);
  await chmod(dataDir, (mode & 0o700) | 0o010);
}

async function readHome(dataDir: string): Promise<Home | undefined> {
  const folder = await realpath(join(dataDir, 'postgres')).catch(() => undefined);
  if (!folder) return undefined;
  const appPassword = await readFile(join(folder, 'app.password'), 'utf8');
  return { folder, dataFolder: join(folder, 'data'), appPassword };
}

/** Lets one process make the home, while the others wait for it. */
async function makeHomeOnce(options: HomeOptions): Promise<Home> {
  const { dataDir } = options;
  const deadline = Date.now() + MADE_WITHIN_MS;
  const claim = join(dataDir, 'postgres.maker');
  // After that time the maker's process id seems to be another program's. A second maker does no harm: one wins.
  while (!(await stakeClaim(claim)) && Date.now() < deadline) {
    await delay(ASK_EVERY_MS);
    const home = await readHome(dataDir);
    if (home) return home;
  }
  try {
    return (await readHome(dataDir)) ?? (await makeHome(options));
  } finally {
    await rm(claim, { force: true });
  }
}

/** A symbolic link to the maker's process id, which is made in one step with what it says. */
async function stakeClaim(claim: string): Promise<boolean> {
  try {
    await symlink(`${process.pid}`, claim);
    return true;
  } catch (error) {
    if (!isTaken(error)) throw error;
  }
  const maker = Number(await readlink(claim).catch(() => '0'));
  if (maker === process.pid || !isRunning(maker)) await rm(claim, { force: true });
  return false;
}

async function makeHome(options: HomeOptions): Promise<Home> {
  const { dataDir, user } = options;
  await removeAbandoned(dataDir);
  const closed = user && (await findClosedFolder(dataDir, user));
  const inside = join(dataDir, `${ATTEMPT}${process.pid}-${randomUUID()}`);
  const attempt = closed ? join(await makeSystemFolder(), randomUUID()) : inside;
  try {
    await fillHome(attempt, options);
    await (closed ? symlink : rename)(attempt, join(dataDir, 'postgres'));
  } catch (error) {
    await rm(attempt, { recursive: true, force: true });
    if (!isTaken(error)) throw error;
  }
  const home = await readHome(dataDir);
  if (!home) throw new Error(`${join(dataDir, 'postgres')} points nowhere: remove it to begin with an empty database`);
  if (closed) {
    options.warn(`the user postgres cannot pass ${closed}: the database is in ${home.folder}, not in DATA_DIR`);
  }
  return home;
}

function isTaken(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EEXIST' || code === 'ENOTEMPTY';
}

async function fillHome(folder: string, { programs, user, isDurable }: HomeOptions): Promise<void> {
  const superuserFile = join(folder, 'superuser.password');
  const dataFolder = join(folder, 'data');
  const appPassword = randomBytes(32).toString('base64url');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(superuserFile, randomBytes(32).toString('base64url'), { mode: 0o600, flush: true });
  await writeFile(join(folder, 'app.password'), appPassword, { mode: 0o600, flush: true });
  if (user) await Promise.all([folder, superuserFile].map((path) => chown(path, user.uid, user.gid)));
  await runProgram(join(programs, 'initdb'), initdbFlags({ dataFolder, superuserFile, isDurable }), { user });
  const flags = ['--single', '-D', dataFolder, '-c', 'exit_on_error=on', '-c', 'log_min_error_statement=panic'];
  const input = `CREATE ROLE ${APP_ROLE} LOGIN PASSWORD '${appPassword}'\nCREATE DATABASE ${APP_ROLE} OWNER ${APP_ROLE}\n`;
  await runProgram(join(programs, 'postgres'), [...flags, ...(isDurable ? [] : ['-F']), 'postgres'], { user, input });
}

function initdbFlags(cluster: { dataFolder: string; superuserFile: string; isDurable: boolean }): string[] {
  return [
    `--pgdata=${cluster.dataFolder}`,
    '--username=postgres',
    `--pwfile=${cluster.superuserFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // Built into the server: sorting and case do not depend on the machine's own locales.
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    '--no-instructions',
    '--no-clean',
    ...(cluster.isDurable ? [] : ['--no-sync']),
  ];
}

async function removeAbandoned(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    const pid = name.startsWith(ATTEMPT) && Number.parseInt(name.slice(ATTEMPT.length), 10);
    // Its initdb may outlive the maker by a moment, and still add files.
    if (pid && !isRunning(pid)) await rm(join(dataDir, name), { recursive: true, force: true, maxRetries: 10 });
  }
}
