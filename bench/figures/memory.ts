import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunningServer } from '../floors/bare-process.ts';
import type { Figure } from '../table.ts';

/** Until a process has settled. */
export const IDLE_MS = 2_000;

/** What a server holds that has nothing to do; its database's processes are not part of it. */
export async function measureMemory(server: RunningServer): Promise<Figure[]> {
  await delay(IDLE_MS);
  const ours = await residentMegabytes(server.pid);
  return [{ name: 'memory of the idle server (RSS)', ours, unit: ' MB', must: { of: 'figure', atMost: 200 } }];
}

/** The same after the load, where nothing is asked of it. */
export async function measureMemoryAfterLoad(server: RunningServer): Promise<Figure[]> {
  await delay(IDLE_MS);
  return [{ name: 'memory after the load (RSS)', ours: await residentMegabytes(server.pid), unit: ' MB' }];
}

/** What a process holds by now. */
export async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => undefined);
  const kilobytes = status === undefined ? await residentByPs(pid) : /^VmRSS:\s+(\d+)/m.exec(status)?.[1];
  return Number(kilobytes) / 1024;
}

/** Where the system tells it in no file. */
async function residentByPs(pid: number): Promise<string> {
  return (await promisify(execFile)('ps', ['-o', 'rss=', '-p', `${pid}`])).stdout;
}
