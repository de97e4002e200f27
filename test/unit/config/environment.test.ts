import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadEnvironment } from '../../../src/config/environment.js';
import { generateKey } from '../../../src/config/key.js';

let folder: string;
let envFile: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sparekey-environment-'));
  envFile = join(folder, '.env');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('the environment of a process', () => {
  it('is completed by a .env file, whose variables it overrules', () => {
    writeFileSync(envFile, '# local\nPORT=5000\nSITE_NAME="Acme Codes" # ours\nMAX_ATTEMPTS=7\n');
    const { config, problems } = loadEnvironment({ env: { PORT: '6000', MAX_ATTEMPTS: '' }, envFile });
    expect(problems).toEqual([]);
    expect([config?.server.port, config?.server.siteName, config?.limits.maxAttempts]).toEqual([6000, 'Acme Codes', 5]);
  });

  it('needs no .env file', () => {
    expect(loadEnvironment({ env: {}, envFile }).problems).toEqual([]);
  });

  it('says so when the .env file cannot be read, beside all other problems', () => {
    const { config, problems } = loadEnvironment({ env: { PORT: 'x' }, envFile: folder });
    expect(config).toBeUndefined();
    expect(problems.map(({ id, setting }) => `${id} ${setting}`)).toEqual(['E014 .env', 'E001 PORT']);
  });

  it('reads the files of the _FILE variants', () => {
    const key = generateKey();
    const path = join(folder, 'key');
    writeFileSync(path, `${key}\n`);
    const { config } = loadEnvironment({ env: { RECOVERY_KEY_FILE: path }, envFile });
    expect(config?.keys.recoveryKey?.toString('base64url')).toBe(key);
  });

  it('makes NODE_ENV count in the .env file too', () => {
    writeFileSync(envFile, 'NODE_ENV=production\n');
    expect(loadEnvironment({ env: {}, envFile }).problems.map(({ id }) => id)).toContain('E013');
  });

  it('loses its secrets, valid or not, and nothing else', () => {
    const env: NodeJS.ProcessEnv = {
      PATH: '/bin',
      PORT: '6000',
      RECOVERY_KEY: generateKey(),
      RECOVERY_KEY_PREVIOUS: 'wrong',
      DATABASE_URL: 'postgres://u:p@db/app',
      SMTP_URL: 'smtps://u:p@mail',
      ADMIN_PASSWORD: 'correct horse battery',
      METRICS_TOKEN: 'short',
    };
    loadEnvironment({ env, envFile });
    expect(env).toEqual({ PATH: '/bin', PORT: '6000' });
  });

  it('hands no secret on to a child process', () => {
    process.env['METRICS_TOKEN'] = 'token-for-a-child-process';
    const { config } = loadEnvironment({ envFile });
    // Jest's process.env is a copy, which a child gets only when told so.
    const print = ['-p', 'String(process.env.METRICS_TOKEN)'];
    const seen = execFileSync(process.execPath, print, { encoding: 'utf8', env: process.env });
    expect([config?.server.metricsToken, seen.trim()]).toEqual(['token-for-a-child-process', 'undefined']);
  });
});
