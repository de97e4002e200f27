import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Config } from '../../../src/config/config.js';
import { ensureRecoveryKey, isSharedFolder, prepareDataDir } from '../../../src/config/data-dir.js';
import { generateKey, parseKey } from '../../../src/config/key.js';
import { loadConfig } from '../../../src/config/load-config.js';

let folder: string;
let dataDir: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sparekey-data-'));
  dataDir = join(folder, 'parent', 'data');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function mode(path: string): string {
  return (statSync(path).mode & 0o7777).toString(8);
}

function configWith(env: Record<string, string> = {}): Config {
  const { config } = loadConfig({ DATA_DIR: dataDir, ...env });
  if (config === undefined) throw new Error('The settings of the test are wrong.');
  return config;
}

describe('the data folder', () => {
  it('is made with its parents, closed to others while those keep the usual mode', async () => {
    await prepareDataDir(dataDir);
    expect([mode(dataDir), mode(join(folder, 'parent'))]).toEqual(['700', (0o777 & ~process.umask()).toString(8)]);
  });

  it.each([0o755, 0o777, 0o750, 0o500])(
    'is closed to others where it is there with another mode (%d)',
    async (before) => {
      mkdirSync(dataDir, { recursive: true });
      chmodSync(dataDir, before);
      await prepareDataDir(dataDir);
      expect(mode(dataDir)).toBe('700');
    },
  );

  it('may be prepared again and by many at once', async () => {
    await Promise.all(Array.from({ length: 10 }, () => prepareDataDir(dataDir)));
    await prepareDataDir(dataDir);
    expect(mode(dataDir)).toBe('700');
  });

  it('is not a file', async () => {
    mkdirSync(join(folder, 'parent'));
    writeFileSync(dataDir, '');
    await expect(prepareDataDir(dataDir)).rejects.toThrow('is not a folder');
  });

  it('is never a shared folder', async () => {
    mkdirSync(dataDir, { recursive: true });
    chmodSync(dataDir, 0o1777);
    await expect(prepareDataDir(dataDir)).rejects.toThrow('other uses');
    expect(mode(dataDir)).toBe('1777');
  });

  it.each([
    ['/', 0o755, true],
    [homedir(), 0o755, true],
    [process.cwd(), 0o755, true],
    ['/srv/any', 0o1777, true],
    ['/srv/any', 0o755, false],
    [resolve('.data'), 0o755, false],
  ])('%s with mode %d is a shared one: %s', (path, modeOfIt, isShared) => {
    expect(isSharedFolder(path, modeOfIt)).toBe(isShared);
  });
});

describe('the recovery key', () => {
  it('is RECOVERY_KEY where that is set, and no file is made', async () => {
    const key = generateKey();
    expect((await ensureRecoveryKey(configWith({ RECOVERY_KEY: key }))).toString('base64url')).toBe(key);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is made once, in a file of its own for this user only', async () => {
    const first = await ensureRecoveryKey(configWith());
    const second = await ensureRecoveryKey(configWith());
    expect(first.equals(second)).toBe(true);
    expect(readdirSync(dataDir)).toEqual(['recovery.key']);
    expect(mode(join(dataDir, 'recovery.key'))).toBe('600');
    expect(parseKey(readFileSync(join(dataDir, 'recovery.key'), 'utf8').trim())).toEqual(first);
  });

  it('is the same for all that start at once, and nothing is left over', async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => ensureRecoveryKey(configWith())));
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(1);
    expect(readdirSync(dataDir)).toEqual(['recovery.key']);
  });

  it('is taken from an existing file, whose mode is corrected', async () => {
    const key = generateKey(64);
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(join(dataDir, 'recovery.key'), `${key}\n`, { mode: 0o644 });
    expect((await ensureRecoveryKey(configWith())).toString('base64url')).toBe(key);
    expect(mode(join(dataDir, 'recovery.key'))).toBe('600');
  });

  it.each(['', 'too-short-to-be-a-key', 'x'.repeat(60) + '!'])(
    'is never replaced where the file holds %j',
    async (text) => {
      mkdirSync(dataDir, { recursive: true });
      writeFileSync(join(dataDir, 'recovery.key'), text);
      const failure = await ensureRecoveryKey(configWith()).catch((error: unknown) => error);
      expect(String(failure)).toContain('holds no key');
      if (text !== '') expect(String(failure)).not.toContain(text);
      expect(readFileSync(join(dataDir, 'recovery.key'), 'utf8')).toBe(text);
    },
  );

  it('is never made in production', async () => {
    const config = configWith();
    const production = { ...config, server: { ...config.server, isProduction: true } };
    await expect(ensureRecoveryKey(production)).rejects.toThrow('RECOVERY_KEY');
    expect(readdirSync(folder)).toEqual([]);
  });
});
