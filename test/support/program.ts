import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startArguments } from '../../scripts/start-arguments.js';
import { eventually } from './eventually.js';

/** The program as `npm start` starts it, ready or not: for starts that are refused, for workers, and for signals at any moment. */
export interface Program {
  readonly pid: number;
  /** Everything written so far to standard output, and to standard error. */
  output(): string;
  errors(): string;
  /** The exit code, or the signal that ended it, once all it wrote has been read. */
  readonly ended: Promise<number | string | null>;
  /** Waits for a text on standard output; an error where it does not come, or the process ends before. */
  says(text: RegExp): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
}

/** Where a worker or a server says that it is ready; the address of a server. */
export const READY = /^ {2}GraphQL +(\S+)\/graphql$|works \(ROLE=worker\)\.$/m;

const SAYS_WITHIN_MS = 30_000;
const running = new Set<Program>();
const folders: string[] = [];

/** A folder for DATA_DIR, in one that every user may pass, as the embedded server's user has to. */
export async function newDataDir(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sparekey-program-'));
  folders.push(folder);
  await chmod(folder, 0o755);
  return join(folder, 'data');
}

/** Starts the program on a free port with these settings and no others. */
export async function runProgram(settings: Readonly<Record<string, string>>): Promise<Program> {
  const cwd = await mkdtemp(join(tmpdir(), 'sparekey-program-'));
  folders.push(cwd);
  const env = { PATH: process.env['PATH'], PORT: '0', DATA_DIR: join(cwd, 'data'), ...settings };
  const child = spawn(process.execPath, startArguments, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const written = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (written.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (written.stderr += text));
  let hasEnded = false;
  const program: Program = {
    pid: child.pid as number,
    output: () => written.stdout,
    errors: () => written.stderr,
    ended: once(child, 'close').then(([code, signal]) => {
      hasEnded = true;
      running.delete(program);
      return (code ?? signal) as number | string | null;
    }),
    async says(text) {
      await eventually(() => hasEnded || text.test(written.stdout), SAYS_WITHIN_MS);
      const found = text.exec(written.stdout);
      if (found === null) throw new Error(`It ended without saying so.\n${written.stdout}${written.stderr}`);
      return found;
    },
    signal: (name) => void child.kill(name),
  };
  running.add(program);
  return program;
}

/** The same, once it is ready; `url` is empty for a worker. */
export async function startProgram(settings: Readonly<Record<string, string>>): Promise<Program & { url: string }> {
  const program = await runProgram(settings);
  const [, url = ''] = await program.says(READY);
  return Object.assign(program, { url });
}

/** Ends every program that still runs and removes every folder made here. */
export async function endPrograms(): Promise<void> {
  await Promise.all(
    [...running].map(async (program) => {
      program.signal('SIGTERM');
      const late = setTimeout(() => program.signal('SIGKILL'), 8_000);
      await program.ended;
      clearTimeout(late);
    }),
  );
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
}
