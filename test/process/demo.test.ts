import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeDatabase, type TestDatabase } from '../support/database.js';
import { type ServerProcess, startServerProcess } from '../support/server-process.js';

const DEMO = join(import.meta.dirname, '..', '..', 'scripts', 'demo.ts');

const ADMIN_PASSWORD = 'correct horse battery staple';

let dataDir: string;
let database: TestDatabase;
let server: ServerProcess;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'sparekey-demo-'));
  database = await makeDatabase();
  server = await startServerProcess({ DATABASE_URL: database.url, DATA_DIR: dataDir, ADMIN_PASSWORD });
});
afterAll(async () => {
  await server.stop();
  await database.drop();
  await rm(dataDir, { recursive: true, force: true });
});

describe('npm run demo', () => {
  it('goes from registering to the history, and shows every answer', async () => {
    const { exit, output, errors } = await runDemo(server.url, '--mail-dir', join(dataDir, 'mail'));
    expect(errors).toBe('');
    expect(exit).toBe(0);
    expect(stepsOf(output)).toEqual([
      'register(email, password)',
      expect.stringMatching(/^a mail to demo-[\da-f]+@example\.org$/),
      'verifyEmail(token, password)',
      'signIn(email, password)',
      'generateRecoveryCodes(expiresInDays: 90)',
      'testRecoveryCode(code 1)',
      'verifyRecoveryCode(a wrong code)',
      'signInWithRecoveryCode(email, code 2)',
      'signInWithRecoveryCode(email, code 2), again',
      'generateRecoveryCodes(), too soon',
      'me { batches generateCooldown }',
      'subscription purgeReported, as admin@localhost',
      'deleteRecoveryCodeBatch(batchId)',
      'runCleanup(task: RECOVERY_CODES, retentionDays: 0, dryRun: true)',
      'purgeRecoveryCodeBatch(batchId, confirm: true)',
      'the report arrives at the dashboard',
    ]);
    for (const answer of [
      /outcome +VERIFIED/,
      /outcome +REJECTED/,
      /session +RECOVERY_CODE/,
      /refused +INVALID_CREDENTIALS: \S/,
      /wait +(?:60|5\d) s, until \d{4}-/,
      /newest +number 1, ACTIVE, 9 of 10 codes left/,
      /used +code 2 at \d{4}-/,
      /batch +PENDING_DELETION, 9 codes removed, 0 left/,
      /would go +10 codes, 1 batches/,
      /batch +PURGED at \d{4}-/,
      /status +SUCCEEDED\n +removed +10 codes, 1 batches/,
    ]) {
      expect(output).toMatch(answer);
    }
    expect(output.match(/^ +(?:codes +)?\d+ {2}(?:\w{6}-){5}\w{6}$/gm)).toHaveLength(10);
    // No whole token: a part of one is enough to tell it from others.
    expect(output).not.toMatch(/[\w-]{30,}\.[\w-]{30,}/);
  });

  it('does it all again beside what it left before', async () => {
    const { exit, errors } = await runDemo(server.url, '--mail-dir', join(dataDir, 'mail'));
    expect({ exit, errors }).toEqual({ exit: 0, errors: '' });
    const [accounts] = await database.rows<{ count: number }>(
      `select count(*)::int from accounts where email like 'demo-%@example.org' and setup_verified_at is not null`,
    );
    expect(accounts?.count).toBeGreaterThanOrEqual(2);
  });

  it('leaves out what only an admin may do, and says how to have it, without the password', async () => {
    const { exit, output } = await runDemoWith({}, server.url, '--mail-dir', join(dataDir, 'mail'));
    expect(exit).toBe(0);
    expect(output).not.toContain('purgeReported');
    expect(output).toContain('ADMIN_PASSWORD=… npm run demo');
  });

  it('says what to do when nobody answers', async () => {
    const url = await withServer(async (free) => free);
    const { exit, errors } = await runDemo(url);
    expect(exit).toBe(1);
    expect(errors).toContain(`Nobody answers at ${url}: run \`npm start\` first`);
  });

  it('says so when somebody else answers', async () => {
    const { exit, errors } = await withServer((url) => runDemo(url));
    expect(exit).toBe(1);
    expect(errors).toMatch(/is no Sparekey: status 200 and no GraphQL answer\.$/m);
  });

  it('says which answer was not as expected', async () => {
    const settings = { DATABASE_URL: database.url, DATA_DIR: dataDir, REGISTRATION_OPEN: 'false' };
    const closed = await startServerProcess(settings);
    const { exit, output, errors } = await runDemo(closed.url);
    await closed.stop();
    expect(exit).toBe(1);
    expect(errors).toMatch(/^register was refused: FORBIDDEN, ".+"$/m);
    expect(output).not.toContain('All as it should be');
  });
});

const runDemo = (...args: string[]) => runDemoWith({ ADMIN_PASSWORD }, ...args);

async function runDemoWith(
  env: Record<string, string>,
  ...args: string[]
): Promise<{ exit: number; output: string; errors: string }> {
  const child = spawn(process.execPath, [DEMO, ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const written = { output: '', errors: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (written.output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (written.errors += text));
  const [exit] = (await once(child, 'close')) as [number];
  return { exit, ...written };
}

function stepsOf(output: string): string[] {
  return [...output.matchAll(/^ ?\d+ {2}(\S.*)$/gm)].map(([, asked = '']) => asked);
}

/** While `use` runs, a web server that knows nothing of GraphQL listens at its address. */
async function withServer<T>(use: (url: string) => Promise<T>): Promise<T> {
  const other = createServer((_request, response) => response.end('Hello'));
  await once(other.listen(0, '127.0.0.1'), 'listening');
  try {
    return await use(`http://127.0.0.1:${(other.address() as AddressInfo).port}`);
  } finally {
    other.close();
    other.closeAllConnections();
    await once(other, 'close');
  }
}
