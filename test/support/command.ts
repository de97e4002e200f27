import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const COMMAND = join(import.meta.dirname, '..', '..', 'dist', 'cli', 'main.js');

/** Runs `sparekey …` with these settings and no others, with nobody at the terminal. */
export async function sparekey(settings: Readonly<Record<string, string>>, ...args: string[]): Promise<Ran> {
  const env = { PATH: process.env['PATH'], ...settings };
  const child = spawn(process.execPath, [COMMAND, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err] = [[] as string[], [] as string[]];
  child.stdout.setEncoding('utf8').on('data', (text: string) => out.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => err.push(text));
  const [code] = (await once(child, 'close')) as [number];
  return { code, out: out.join(''), err: err.join('') };
}
