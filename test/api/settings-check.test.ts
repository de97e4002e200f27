import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { formatProblems } from '../../src/config/format-problems.js';
import { loadConfig } from '../../src/config/load-config.js';
import { problemKinds, type SettingProblem } from '../../src/config/problem.js';
import { checkDatabase } from '../../src/domain/settings-check.js';
import { issue, makeAccount, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { ADMIN_PASSWORD, post } from '../support/app.js';
import { sparekey } from '../support/command.js';
import { makeDatabase, type TestDatabase, withClockOffset } from '../support/database.js';
import { endPrograms, newDataDir, startProgram } from '../support/program.js';
import { openRules } from '../support/rules.js';

const CHECK = '{ settingsCheck { id setting severity message hint } }';
const LOST_KEY = 'feedfacefeedface';

let settings: Record<string, string>;
let found: readonly SettingProblem[];
let database: TestDatabase;
let url: string;
let admin: TestAccount;

beforeAll(async () => {
  database = await makeDatabase();
  settings = {
    DATABASE_URL: database.url,
    DATA_DIR: await newDataDir(),
    RECOVERY_KEY: randomBytes(32).toString('base64url'),
    ADMIN_PASSWORD,
    MIN_PASSWORD_LENGTH: '12',
    MAX_ATTEMPTS: '317',
  };
  found = loadConfig(settings).problems;
  ({ url } = await startProgram(settings));
  admin = await signInAsAdmin(server());
});
afterAll(async () => {
  await endPrograms();
  await database.drop();
});

const server = () => ({
  database,
  post: ((query: string, variables?: Record<string, unknown>, options?: { token?: string }) =>
    post(url, { query, variables, ...options })) as never,
});

async function problemsAs({ token }: Pick<TestAccount, 'token'>): Promise<SettingProblem[]> {
  const { data, errors } = await post(url, { query: CHECK, token });
  expect(errors).toEqual([]);
  return data['settingsCheck'];
}

describe('settingsCheck', () => {
  it('lists what was found at the start, as `sparekey check` prints it', async () => {
    expect(found.map(({ id, setting }) => [id, setting])).toEqual([
      ['W005', 'MAX_ATTEMPTS'],
      ['W004', 'MIN_PASSWORD_LENGTH'],
    ]);
    expect(await problemsAs(admin)).toEqual(found);
    const printed = await sparekey(settings, 'check');
    expect(printed).toMatchObject({ code: 0, err: '' });
    expect(printed.out.startsWith(`${formatProblems(found)}\nkey `)).toBe(true);
    expect(printed.out).not.toContain('E028');
  });

  it('lists the keys too that the database needs and nobody configured, and so does `sparekey check`', async () => {
    const { id } = await issue(server(), await makeAccount(server()));
    await database.rows('update recovery_code_batches set pepper_key_id = $1 where id = $2', [LOST_KEY, id]);
    const problems = await problemsAs(admin);
    expect(problems.slice(0, found.length)).toEqual(found);
    const [missing, ...others] = problems.slice(found.length);
    expect(others).toEqual([]);
    expect(missing).toMatchObject({ id: 'E028', setting: 'RECOVERY_KEY_PREVIOUS', severity: 'ERROR' });
    expect(missing?.message).toContain(`${LOST_KEY}, still needed by 1 active batch(es) and 0 signing key(s).`);
    const { code, out } = await sparekey(settings, 'check');
    expect(code).toBe(1);
    expect(out).toContain(formatProblems([missing as SettingProblem]));
    expect((await sparekey(settings, 'check', '--settings-only')).out.trim()).toBe(formatProblems(found));
    await database.rows(
      `update recovery_code_batches set status = 'EXHAUSTED', used_count = issued_count where id = $1`,
      [id],
    );
    expect(await problemsAs(admin)).toEqual(found);
  });

  it('lists a shifted clock: a warning, and in production an error', async () => {
    const rules = await openRules();
    try {
      const ids = async (seconds: number, isProduction: boolean) => {
        const { db, keyring } = rules.at(seconds);
        return (await checkDatabase(db, keyring, { isProduction })).problems.map(({ id, severity }) => [id, severity]);
      };
      expect(await ids(0, true)).toEqual([]);
      expect(await ids(-60, false)).toEqual([['W007', 'WARNING']]);
      expect(await ids(60, true)).toEqual([['E029', 'ERROR']]);
    } finally {
      await rules.close();
    }
    const shifted = { ...settings, DATABASE_URL: withClockOffset(database.url, 60) };
    expect(await sparekey(shifted, 'check')).toMatchObject({ code: 0, out: expect.stringMatching(/^W007 /m) });
  });

  it('names kinds of problems that are known, and repeats no value', async () => {
    const { text } = await post(url, { query: CHECK, token: admin.token });
    for (const { id } of await problemsAs(admin)) expect(Object.keys(problemKinds)).toContain(id);
    expect(text).not.toContain('317');
    expect(text).not.toContain(settings['RECOVERY_KEY']);
  });

  it('is for admins', async () => {
    const me = await makeAccount(server());
    expect((await post(url, { query: CHECK, token: me.token })).code).toBe('FORBIDDEN');
    expect((await post(url, { query: CHECK })).code).toBe('UNAUTHENTICATED');
  });
});
