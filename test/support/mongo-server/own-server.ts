import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { MongoTestServer } from './launch.js';

interface Running {
  readonly port: number;
  /** Gives it an order and waits until it is carried out. */
  order(what: 'cut' | 'mend'): Promise<void>;
  kill(): Promise<void>;
  /** Closes its input, at which it ends by itself. */
  end(): Promise<void>;
}

/** What a run may say it ran on that used this server. */
export const OWN_ENGINE = "the tests' own wire-protocol server (not MongoDB)";

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const ENDS_WITHIN_MS = 5_000;

/** Starts the tests' own server on a free port, with its data in a temporary folder. */
export async function ownServer(): Promise<MongoTestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'sparekey-mongo-'));
  const file = join(folder, 'data.log');
  let running = await start(file, 0);
  return {
    isReal: false,
    engine: OWN_ENGINE,
    url: (databaseName) => `mongodb://127.0.0.1:${running.port}/${databaseName}`,
    kill: async () => await running.kill(),
    async restart() {
      await running.kill();
      running = await start(file, running.port);
    },
    cut: async () => await running.order('cut'),
    mend: async () => await running.order('mend'),
    async stop() {
      await running.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function start(file: string, port: number): Promise<Running> {
  const child = spawn(process.execPath, [MAIN, '--file', file, '--port', String(port)], {
    env: { PATH: process.env['PATH'] },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.on('error', () => undefined);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const ready = await nextLine(lines);
  return {
    port: Number(ready['port']),
    async order(what) {
      child.stdin.write(`${what}\n`);
      await nextLine(lines);
    },
    kill: async () => await over(child, () => child.kill('SIGKILL')),
    end: async () => await over(child, () => child.stdin.end()),
  };
}

async function nextLine(lines: AsyncIterator<string>): Promise<Record<string, unknown>> {
  const { value, done } = await lines.next();
  if (done === true) throw new Error("The tests' own MongoDB server has ended.");
  return JSON.parse(value) as Record<string, unknown>;
}

async function over(child: ChildProcess, endIt: () => unknown): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  endIt();
  const timer = setTimeout(() => child.kill('SIGKILL'), ENDS_WITHIN_MS);
  await exited;
  clearTimeout(timer);
}
