import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { startTestApp, type TestApp } from '../support/app.js';
import { makeDatabase, type TestDatabase, withClockOffset } from '../support/database.js';
import { endPrograms, newDataDir, runProgram, startProgram } from '../support/program.js';

const KEY = randomBytes(32).toString('base64url');

let app: TestApp;
let settings: Record<string, string>;

beforeAll(async () => {
  app = await startTestApp({ RECOVERY_KEY: KEY });
  settings = { DATABASE_URL: app.database.url, RECOVERY_KEY: KEY };
});
afterEach(endPrograms);
afterAll(async () => {
  await app.close();
});

describe('a start that is refused', () => {
  async function refused(given: Record<string, string>): Promise<{ exit: unknown; errors: string; output: string }> {
    const begun = performance.now();
    const program = await runProgram(given);
    const exit = await program.ended;
    // An open connection or timer would hold it for ten seconds more.
    expect(performance.now() - begun).toBeLessThan(9_000);
    return { exit, errors: program.errors(), output: program.output() };
  }

  it('lists every problem of the settings, repeats none of their values, and touches nothing', async () => {
    const DATA_DIR = await newDataDir();
    const secrets = {
      RECOVERY_KEY: 'too-short-but-secret',
      ADMIN_PASSWORD: 'hunter2-hunter2',
      DATABASE_URL: 'mysql://root:swordfish@db/sparekey',
      SMTP_URL: 'ftp://mailer:opensesame@mail',
      METRICS_TOKEN: 'too short',
    };
    const { exit, errors, output } = await refused({
      DATA_DIR,
      ...secrets,
      PORT: 'four thousand',
      MIN_PASSWORD_LENGTH: '20',
      CODE_GROUPS: '1',
      ROLE: 'boss',
      HISTORY_PAGE_SIZE: '50',
    });
    expect(exit).toBe(1);
    expect(output).toBe('');
    const named = [...errors.matchAll(/^(?:E\d{3}) {2}ERROR {4}(\w+)/gm)].map(([, name]) => name);
    expect(new Set(named)).toEqual(
      new Set([...Object.keys(secrets), 'PORT', 'CODE_GROUPS', 'ROLE', 'HISTORY_PAGE_SIZE']),
    );
    for (const secret of ['too-short-but', 'hunter2', 'swordfish', 'opensesame', 'four thousand', 'boss']) {
      expect(errors).not.toContain(secret);
    }
    expect(existsSync(DATA_DIR)).toBe(false);
  });

  it('names in production everything that is missing', async () => {
    const { exit, errors } = await refused({ NODE_ENV: 'production' });
    expect(exit).toBe(1);
    for (const name of ['PUBLIC_URL', 'DATABASE_URL', 'RECOVERY_KEY', 'SMTP_URL']) {
      expect(errors).toMatch(new RegExp(`^E013 {2}ERROR {4}${name} +Is required in production`, 'm'));
    }
  });

  const production = () => ({
    NODE_ENV: 'production',
    PUBLIC_URL: 'https://keys.example.org',
    RECOVERY_KEY: randomBytes(32).toString('base64url'),
    SMTP_URL: 'smtps://mail.example.org',
  });

  async function withDatabase(use: (database: TestDatabase) => Promise<void>): Promise<void> {
    const database = await makeDatabase();
    try {
      await use(database);
    } finally {
      await database.drop();
    }
  }

  it('in production does not run by a shifted clock, wherever it is set', async () => {
    await withDatabase(async (database) => {
      const byUrl = await refused({ ...production(), DATABASE_URL: withClockOffset(database.url, 60) });
      await database.shiftClock(-60);
      const byDatabase = await refused({ ...production(), DATABASE_URL: database.url });
      for (const { exit, errors, output } of [byUrl, byDatabase]) {
        expect([exit, output]).toEqual([1, '']);
        expect(errors).toContain('The database sets sparekey.clock_offset_seconds, which is for tests only');
      }
      await database.shiftClock(0);
      const server = await startProgram({ ...production(), DATABASE_URL: database.url });
      expect(server.output()).not.toMatch(/Admin|Password|demo/);
      expect(await database.rows('select 1 from accounts')).toEqual([]);
    });
  });

  it('says which key is missing', async () => {
    const { exit, errors } = await refused({ ...settings, RECOVERY_KEY: randomBytes(32).toString('base64url') });
    expect(exit).toBe(1);
    expect(errors).toMatch(
      /Still in use, and not configured: the key with id [0-9a-f]{16} .* RECOVERY_KEY_PREVIOUS\.$/m,
    );
    expect(errors).not.toContain(KEY);
  });

  it('tells of a database that is away or closed to it, without repeating how to reach it', async () => {
    const url = new URL(app.database.url);
    url.password = 'not-the-password';
    const closed = await refused({ ...settings, DATABASE_URL: url.href });
    const away = await refused({ ...settings, DATABASE_URL: 'postgres://sparekey:swordfish@127.0.0.1:1/sparekey' });
    expect([closed.exit, away.exit]).toEqual([1, 1]);
    expect(closed.errors).toMatch(/^Sparekey could not start\. .*28P01/m);
    expect(away.errors).toMatch(/^Sparekey could not start\. .*ECONNREFUSED/m);
    expect(closed.errors + closed.output + away.errors + away.output).not.toMatch(/not-the-password|swordfish/);
  });

  it('tells of a port that is taken, and holds nothing open', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => void taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const { exit, errors } = await refused({ ...settings, PORT: `${port}` });
    taken.close();
    expect(exit).toBe(1);
    expect(errors).toMatch(/^Sparekey could not start\. .*EADDRINUSE/m);
  });
});
