import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startArguments } from '../../scripts/start-arguments.js';
import { type Answer, post } from './app.js';

/** A Sparekey server in a process of its own, as `npm start` runs it. */
export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  /** Everything written so far to standard output, and to standard error. */
  output(): string;
  errors(): string;
  post(
    query: string,
    variables?: Record<string, unknown>,
    options?: { token?: string | undefined; headers?: Record<string, string> },
  ): Promise<Answer>;
  /** Sends a signal and waits for the end; the exit code, or the signal that ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | string | null>;
}

/** How a process ended that never got ready. */
export class ServerNotStartedError extends Error {
  constructor(
    readonly exit: number | string | null,
    readonly output: string,
    readonly errors: string,
  ) {
    super(`The server ended with ${exit} before it was ready.\n${errors}${output}`);
  }
}

const READY = /^ {2}GraphQL +(\S+)\/graphql$/m;
const READY_WITHIN_MS = 15_000;

/**
 * Starts `dist/main.js` on a free port in an empty working folder, with these settings and no others, and waits until it
 * is ready. DATA_DIR is in that folder unless it is given.
 * @throws ServerNotStartedError
 */
export async function startServerProcess(settings: Readonly<Record<string, string>>): Promise<ServerProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'sparekey-process-'));
  const env = { PATH: process.env['PATH'], PORT: '0', DATA_DIR: join(folder, 'data'), ...settings };
  const child = spawn(process.execPath, startArguments, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close').then(async ([code, signal]) => {
    await rm(folder, { recursive: true, force: true });
    return (code ?? signal) as number | string | null;
  });
  const written = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (written.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (written.stderr += text));
  const url = await ready(child, written, ended);
  return {
    url,
    pid: child.pid as number,
    output: () => written.stdout,
    errors: () => written.stderr,
    post: (query, variables, options) => post(url, { query, variables, ...options }),
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      return await ended;
    },
  };
}

async function ready(
  child: ChildProcess,
  written: { readonly stdout: string; readonly stderr: string },
  ended: Promise<number | string | null>,
): Promise<string> {
  const timer = setTimeout(() => child.kill('SIGKILL'), READY_WITHIN_MS);
  const announced = new Promise<string>((resolve) => {
    child.stdout?.on('data', () => {
      const url = READY.exec(written.stdout)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
  const notStarted = ended.then((exit) => {
    throw new ServerNotStartedError(exit, written.stdout, written.stderr);
  });
  try {
    return await Promise.race([announced, notStarted]);
  } finally {
    clearTimeout(timer);
    notStarted.catch(() => undefined);
  }
}
