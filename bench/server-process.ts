import { randomUUID } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunningServer } from './floors/bare-process.ts';
import { startArguments } from '../scripts/start-arguments.ts';
import { settingsOf } from './stage.ts';

const START_WITHIN_MS = 20_000;
const READY = /^ {2}GraphQL +(\S+)\/graphql$/m;

/**
 * The server as `npm start` runs it, on the stage's own database unless another is named; what it logs goes to a file, as
 * in production.
 */
export async function startServer(
  dataDir: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<RunningServer> {
  const logFile = join(dataDir, `server-${randomUUID()}.log`);
  const log = await open(logFile, 'w');
  const fixed = { PATH: process.env['PATH'], PORT: '0', TRUST_PROXY: '127.0.0.1/32' };
  const env = { ...fixed, ...settingsOf(dataDir), ...settings };
  const child = spawn(process.execPath, startArguments, {
    cwd: dataDir,
    env,
    stdio: ['ignore', log.fd, 'inherit'],
  });
  const ended = once(child, 'exit');
  await log.close();
  for (const deadline = Date.now() + START_WITHIN_MS; Date.now() < deadline && child.exitCode === null;) {
    const url = READY.exec(await readFile(logFile, 'utf8'))?.[1];
    if (url !== undefined) return { url, pid: child.pid as number, close: () => stop(child, ended) };
    await delay(20);
  }
  child.kill('SIGKILL');
  throw new Error(`The server did not start: ${await readFile(logFile, 'utf8')}`);
}

async function stop(child: { kill(signal: NodeJS.Signals): boolean }, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM');
  await ended;
}
