import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PROGRAM_ENVIRONMENT, type OsUser } from './embedded-user.js';

/** PostgreSQL's settings by name, as on its command line. */
export type ServerSettings = Readonly<Record<string, string>>;

export interface ServerOptions {
  readonly folder: string;
  readonly dataFolder: string;
  readonly programs: string;
  readonly user: OsUser | undefined;
  readonly logFile: string;
  readonly settings: ServerSettings;
}

/** What the running server says of itself in its lock file. */
interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

export interface SpawnedServer {
  readonly process: ChildProcess;
  /** Lets the server run on when this process ends. */
  readonly leave: () => void;
  /** Where its part of the log file begins, in bytes. */
  readonly logStart: number;
}

// Errors of statements stay out of the log: their text repeats values, and whoever sent the statement gets them anyway.
const FIXED_SETTINGS: ServerSettings = {
  timezone: 'UTC',
  log_timezone: 'UTC',
  password_encryption: 'scram-sha-256',
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
};

const SOCKET_PORT = 5432;
const LONGEST_SOCKET_PATH = process.platform === 'linux' ? 107 : 103;
const LONGEST_FAST_SHUTDOWN_MS = 4000;
const LONGEST_SHUTDOWN_MS = 4900;

/** Tells whether the server in `folder` is reached by a UNIX socket there, and not at 127.0.0.1. */
export function usesSocket(folder: string): boolean {
  return Buffer.byteLength(join(folder, `.s.PGSQL.${SOCKET_PORT}`)) <= LONGEST_SOCKET_PATH;
}

/** Reads the lock file of the server in `dataFolder`; it may be left over from a server that died. */
export async function readPostmaster(dataFolder: string): Promise<Postmaster | undefined> {
  const text = await readFile(join(dataFolder, 'postmaster.pid'), 'utf8').catch(() => '');
  const [pid, , , port] = text.split('\n').map(Number);
  return pid && port ? { pid, port } : undefined;
}

/**
 * Starts a server, without waiting until it answers. A server that runs on the same folder already makes it end at
 * once. It is stopped when this process ends, in whatever way, without having left it.
 *
 * @throws when the program cannot be run
 */
export async function spawnServer(options: ServerOptions): Promise<SpawnedServer> {
  const log = await open(options.logFile, 'a', 0o600);
  try {
    const { size: logStart } = await log.stat();
    const settings = { ...FIXED_SETTINGS, ...(await addressSettings(options.folder)), ...options.settings };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = spawn(join(options.programs, 'postgres'), ['-D', options.dataFolder, ...flags], {
      ...options.user,
      cwd: '/',
      env: PROGRAM_ENVIRONMENT,
      stdio: ['ignore', log.fd, log.fd],
      // Its own process group: Ctrl-C in the terminal must not stop the database before the requests are done.
      detached: true,
    });
    await once(child, 'spawn');
    child.unref();
    return { process: child, leave: watchOver(child, options.user), logStart };
  } finally {
    await log.close();
  }
}

async function addressSettings(folder: string): Promise<ServerSettings> {
  if (usesSocket(folder)) {
    return {
      listen_addresses: '',
      unix_socket_directories: folder,
      unix_socket_permissions: '0700',
      port: `${SOCKET_PORT}`,
    };
  }
  return { listen_addresses: '127.0.0.1', unix_socket_directories: '', port: `${await choosePort(folder)}` };
}

/** The same port as last time where it is still free: connection strings handed out earlier stay valid. */
async function choosePort(folder: string): Promise<number> {
  const file = join(folder, 'port');
  const last = Number(await readFile(file, 'utf8').catch(() => '0'));
  const port = (await tryPort(last)) ?? (await tryPort(0)) ?? 0;
  if (port !== last) await writeFile(file, `${port}`, { mode: 0o600 });
  return port;
}

async function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const { port: found } = server.address() as AddressInfo;
      server.close(() => resolve(found));
    });
  });
}

/**
 * A shell waits at a pipe for a line from this process, and stops the server when the pipe ends without one, as it does
 * when this process is killed. Returns what sends the line.
 */
function watchOver(server: ChildProcess, user: OsUser | undefined): () => void {
  const watcher = spawn('/bin/sh', ['-c', 'read -r line || kill -INT "$1"', 'sh', `${server.pid}`], {
    ...user,
    cwd: '/',
    env: PROGRAM_ENVIRONMENT,
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watcher.on('error', () => undefined);
  watcher.stdin.on('error', () => undefined);
  watcher.unref();
  const dismiss = () => void watcher.stdin.end('\n');
  // Its process id may belong to another program from now on.
  server.once('exit', dismiss);
  return dismiss;
}

/** Stops the server in `dataFolder` within 5 s: fast, and if that takes too long at once, to be repaired at the next start. */
export async function shutDown(dataFolder: string): Promise<void> {
  const start = Date.now();
  const postmaster = await readPostmaster(dataFolder);
  if (!postmaster || !signal(postmaster.pid, 'SIGINT')) return;
  if (await hasGone(dataFolder, start + LONGEST_FAST_SHUTDOWN_MS)) return;
  signal(postmaster.pid, 'SIGQUIT');
  await hasGone(dataFolder, start + LONGEST_SHUTDOWN_MS);
}

async function hasGone(dataFolder: string, deadline: number): Promise<boolean> {
  while (await readPostmaster(dataFolder)) {
    if (Date.now() > deadline) return false;
    await delay(10);
  }
  return true;
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

/** Tells whether a process of this user, or for root of any user, has this id. */
export function isRunning(pid: number): boolean {
  return signal(pid, 0);
}

/**
 * Tells whether a server runs, starts or stops in `dataFolder`.
 *
 * A dead server's process id may be that of another program of the same user by now, as happens in containers, where
 * ids repeat, or of a dead process that nobody takes note of. PostgreSQL would refuse to start as long as that is so: on
 * Linux, which tells where a process works, such a lock is removed.
 */
export async function isServed({ folder, dataFolder }: Pick<ServerOptions, 'folder' | 'dataFolder'>): Promise<boolean> {
  const postmaster = await readPostmaster(dataFolder);
  if (!postmaster || !isRunning(postmaster.pid)) return false;
  if (process.platform !== 'linux') return true;
  const workingFolder = await readlink(`/proc/${postmaster.pid}/cwd`).catch(() => '');
  if (workingFolder === dataFolder) return true;
  await rm(join(dataFolder, 'postmaster.pid'), { force: true });
  await rm(join(folder, `.s.PGSQL.${SOCKET_PORT}.lock`), { force: true });
  return false;
}
