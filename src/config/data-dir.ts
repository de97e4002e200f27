import { randomUUID } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Config } from './config.js';
import { generateKey, parseKey } from './key.js';
import { errorCode } from './sources.js';

const KEY_FILE = 'recovery.key';
const FOLDER_MODE = 0o700;
/** As root, the embedded server's user has to pass through, and can do nothing else. */
const PASSAGE_MODE = 0o710;
const FILE_MODE = 0o600;
const STICKY = 0o1000;

/**
 * Makes the data folder where it is missing and closes it to all others (0700). Its owner stays as it is.
 *
 * @throws Error where it cannot be made or closed, or is a folder that others need: the root, a home, a shared one like /tmp
 */
export async function prepareDataDir(dir: string): Promise<void> {
  await mkdir(dirname(resolve(dir)), { recursive: true });
  await mkdir(dir, { mode: FOLDER_MODE }).catch(ignore('EEXIST'));
  const found = await stat(dir);
  if (!found.isDirectory()) throw new Error(`DATA_DIR (${dir}) is not a folder.`);
  const mode = found.mode & 0o777;
  if (mode === FOLDER_MODE || mode === PASSAGE_MODE) return;
  if (isSharedFolder(resolve(dir), found.mode)) {
    throw new Error(`DATA_DIR (${dir}) is a folder with other uses: name one that is for Sparekey alone.`);
  }
  await chmod(dir, FOLDER_MODE);
}

/**
 * The key that everything is derived from: RECOVERY_KEY, or outside production the one in DATA_DIR/recovery.key, which is
 * made at the first call. Processes that start together agree on one.
 *
 * @throws Error where the file holds no key, or there is no key in production
 */
export async function ensureRecoveryKey({ keys, server }: Config): Promise<Buffer> {
  if (keys.recoveryKey !== undefined) return keys.recoveryKey;
  if (server.isProduction) throw new Error('RECOVERY_KEY is required in production.');
  await prepareDataDir(server.dataDir);
  const path = join(server.dataDir, KEY_FILE);
  return (await readKeyFile(path)) ?? (await makeKeyFile(path));
}

/** True for folders that must not be closed to others: the root, a home, the working folder, one with the sticky bit. */
export function isSharedFolder(path: string, mode: number): boolean {
  const isRoot = dirname(path) === path;
  return isRoot || (mode & STICKY) !== 0 || path === homedir() || path === process.cwd();
}

async function makeKeyFile(path: string): Promise<Buffer> {
  const draft = `${path}.${randomUUID()}`;
  try {
    await writeDurably(draft, `${generateKey()}\n`);
    // A link fails where the name is taken, and unlike a file opened with O_EXCL is never seen half written.
    await link(draft, path).catch(ignore('EEXIST'));
  } finally {
    await unlink(draft).catch(ignore('ENOENT'));
  }
  await syncFolder(dirname(path));
  const key = await readKeyFile(path);
  if (key === undefined) throw new Error(`${path} vanished while it was made.`);
  return key;
}

async function readKeyFile(path: string): Promise<Buffer | undefined> {
  const text = await readFile(path, 'utf8').catch(ignore('ENOENT'));
  if (text === undefined) return undefined;
  const key = parseKey(text.trim());
  if (key === undefined) {
    throw new Error(`${path} holds no key. Restore it: without it, codes and signing keys made so far are lost.`);
  }
  if (((await stat(path)).mode & 0o777) !== FILE_MODE) await chmod(path, FILE_MODE);
  return key;
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', FILE_MODE);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function ignore(code: string): (error: unknown) => undefined {
  return (error) => {
    if (errorCode(error) !== code) throw error;
    return undefined;
  };
}
