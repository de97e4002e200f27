import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

const execute = async (program: string, args: string[]) =>
  promisify(execFile)(program, args, { env: PROGRAM_ENVIRONMENT });

/**
 * The whole environment of PostgreSQL's programs and of what prepares them: the settings of this process, secrets among them, stay out, and
 * messages come in one language.
 */
export const PROGRAM_ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' };

/** The operating system's user that PostgreSQL runs as. */
export interface OsUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Finds the user to run PostgreSQL as, which refuses to run as root: whoever owns `home` already, else the user
 * postgres, who is created where missing. `undefined` means the user of this process.
 *
 * @throws when this process is root and the user postgres can neither be found nor created
 */
export async function findServerUser(home: string): Promise<OsUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(home).catch(() => undefined);
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  return (await lookUpPostgresUser()) ?? createPostgresUser();
}

async function lookUpPostgresUser(): Promise<OsUser | undefined> {
  try {
    const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => execute('id', [flag, 'postgres'])));
    return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
  } catch {
    return undefined;
  }
}

async function createPostgresUser(): Promise<OsUser> {
  const flags = ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', 'postgres'];
  // Another process may create the user at the same time: only the look-up afterwards decides.
  await execute('useradd', flags).catch(() => undefined);
  const user = await lookUpPostgresUser();
  if (user) return user;
  throw new Error(
    'PostgreSQL does not run as root, and the user postgres could not be created: create it, start Sparekey as another user, or set DATABASE_URL',
  );
}

/**
 * Returns the first folder on the way to `path`, itself included, that `user` may not pass through.
 *
 * @param path - an absolute path of which every part exists
 */
export async function findClosedFolder(path: string, user: OsUser): Promise<string | undefined> {
  const parent = dirname(path);
  const closed = parent === path ? undefined : await findClosedFolder(parent, user);
  if (closed) return closed;
  return mayPass(await stat(path), user) ? undefined : path;
}

function mayPass(folder: { uid: number; gid: number; mode: number }, user: OsUser): boolean {
  if (folder.uid === user.uid) return (folder.mode & 0o100) !== 0;
  if (folder.gid === user.gid) return (folder.mode & 0o010) !== 0;
  return (folder.mode & 0o001) !== 0;
}
