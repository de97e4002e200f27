import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { taskNames } from '../../src/domain/cleanup/registry.js';
import { makeAccount, signInAsAdmin } from '../support/accounts.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { sparekey } from '../support/command.js';
import { issueCodes, makeOwner, openRules, type Rules } from '../support/rules.js';

let rules: Rules;
let dataDir: string;
let settings: Record<string, string>;

beforeAll(async () => {
  const RECOVERY_KEY = randomBytes(32).toString('base64url');
  rules = await openRules({ RECOVERY_KEY });
  dataDir = await mkdtemp(join(tmpdir(), 'sparekey-command-'));
  settings = { DATABASE_URL: rules.database.url, DATA_DIR: dataDir, RECOVERY_KEY };
});
beforeEach(async () => {
  await rules.database.rows('truncate purge_reports, accounts, recovery_code_batches cascade');
});
afterAll(async () => {
  await rules.close();
  await rm(dataDir, { recursive: true, force: true });
});

const run = (...args: string[]) => sparekey(settings, ...args);
const reports = () =>
  rules.database.rows('select task, status, trigger, is_dry_run as dry, total, counts from purge_reports order by id');

async function makeEndedCodes(days: number): Promise<void> {
  const me = await makeOwner(rules);
  const { id } = await issueCodes(rules, me);
  await issueCodes(rules, me);
  await rules.database.rows(
    `update recovery_codes set superseded_at = superseded_at - make_interval(days => $2) where batch_id = $1`,
    [id, days],
  );
}

describe('the cleanups of the command line', () => {
  it('purge-recovery-codes removes, says how many, and leaves a report with trigger CLI', async () => {
    await makeEndedCodes(91);
    const dry = await run('purge-recovery-codes', '--dry-run');
    expect(dry).toEqual({
      code: 0,
      out: 'Removing recovery codes that ended more than 90 days ago…\n10 recovery code(s) would be removed; of 1 batch(es) only the record would be left.\n',
      err: '',
    });
    const real = await run('purge-recovery-codes', '--yes');
    expect(real).toEqual({
      code: 0,
      out: 'Removing recovery codes that ended more than 90 days ago…\nSuccessfully removed 10 recovery code(s); of 1 batch(es) only the record is left.\n',
      err: '',
    });
    const counts = { codes: 10, batches: 1 };
    expect(await reports()).toEqual([
      { task: 'RECOVERY_CODES', status: 'SUCCEEDED', trigger: 'CLI', dry: true, total: 10, counts },
      { task: 'RECOVERY_CODES', status: 'SUCCEEDED', trigger: 'CLI', dry: false, total: 10, counts },
    ]);
  });

  it('takes --days and --max-deletions, and says that there is more', async () => {
    await makeEndedCodes(10);
    expect((await run('purge-recovery-codes', '--days', '11', '--noinput')).out).toContain(
      'removed 0 recovery code(s)',
    );
    const capped = await run('purge-recovery-codes', '--days', '9', '--max-deletions', '4', '--noinput');
    expect(capped).toMatchObject({ code: 0, err: '' });
    expect(capped.out).toMatch(/removed 4 recovery code\(s\)[^]*The limit ended it; there is more to remove\.\n$/);
  });

  it('prints the report as JSON and nothing else with --json', async () => {
    await makeEndedCodes(91);
    const { code, out } = await run('purge-recovery-codes', '--json', '--yes');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      task: 'RECOVERY_CODES',
      status: 'SUCCEEDED',
      trigger: 'CLI',
      total: 10,
      counts: { codes: 10, batches: 1 },
      cursor: expect.stringMatching(/^[\w-]+$/),
    });
  });

  it('keeps the words of the originals', async () => {
    await rules.database.rows(
      `insert into accounts (id, email, email_key, created_at) values ($1, 'old@example.org', 'old@example.org', now() - interval '91 days')`,
      [randomUUID()],
    );
    const dry = await run('remove-stale-unverified-accounts', '--dry-run');
    expect(dry.out).toBe(
      'Removing accounts that have not been verified within 90 days…\n1 unverified account(s) would be removed.\n',
    );
    const real = await run('remove-stale-unverified-accounts', '--yes');
    expect(real.out).toBe(
      'Removing accounts that have not been verified within 90 days…\nSuccessfully removed 1 unverified account(s).\n',
    );
    const changes = 'remove-complete-and-stale-email-change-requests';
    const began = 'Removing completed email change requests and requests that have not been completed within 7 days…\n';
    expect((await run(changes, '--dry-run')).out).toBe(
      `${began}0 completed and/or stale email change request(s) would be removed.\n`,
    );
    expect((await run(changes, '--yes')).out).toBe(
      `${began}Successfully removed 0 completed and/or stale email change request(s).\n`,
    );
    expect((await run('cleanup-expired-tokens', '--yes')).out).toBe('Cleaned up 0 tokens\n');
    expect((await run('cleanup-expired-keys', '--yes')).out).toBe('Cleaned up 0 keys\n');
    expect((await run('cleanup-expired-sessions', '--yes')).out).toBe('Cleaned up 0 tokens, 0 sessions\n');
  });

  it('asks nobody who is not there, and then does nothing', async () => {
    await makeEndedCodes(91);
    expect(await run('purge-recovery-codes')).toEqual({
      code: 2,
      out: '',
      err: '--yes: Nobody can be asked here: give --yes if you mean it.\n',
    });
    expect(await reports()).toEqual([]);
  });

  it.each([
    [['purge-recovery-codes', '--days', '-1', '--yes'], /^--days: Give 0 to 36500 days/],
    [['purge-recovery-codes', '--days', 'x', '--yes'], /--days.*Give a whole number/],
    [['purge-recovery-codes', '--max-deletions', '0', '--yes'], /^--max-deletions: Give at least 1, or -1/],
    [['remove-stale-unverified-accounts', '--days', '0', '--yes'], /^--days: Give 1 to 36500 days/],
    [['purge-audit-events', '--days', '6', '--yes'], /^--days: Give 7 to 36500 days/],
    [['cleanup-expired-sessions', '--days', '3', '--yes'], /unknown option '--days'/],
    [['flush-jobs'], /No option specified\. Use --failed, --finished, --scheduled, or --all\./],
  ])('%j is wrong use', async (args, text) => {
    const { code, out, err } = await run(...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(text);
    expect(await reports()).toEqual([]);
  });

  it('exits 1 and says why where it is switched off', async () => {
    const { code, err } = await run('purge-audit-events', '--yes');
    expect({ code, err }).toEqual({ code: 1, err: 'SKIPPED: Switched off: AUDIT_AUTO_CLEANUP is false.\n' });
    expect(await reports()).toMatchObject([{ task: 'AUDIT_EVENTS', status: 'SKIPPED', trigger: 'CLI' }]);
  });

  it('exits 1 while another run of the task is in progress', async () => {
    const holder = await rules.database.pool.connect();
    try {
      await holder.query(`select pg_advisory_lock(7277335, hashtext('RECOVERY_CODES'))`);
      const { code, err } = await run('purge-recovery-codes', '--yes');
      expect({ code, err }).toEqual({ code: 1, err: 'SKIPPED: Another run of this task was in progress.\n' });
    } finally {
      holder.release(true);
    }
  });
});

describe('flush-jobs', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.close());

  it('counts, clears and audits only what was asked for', async () => {
    const { token } = await signInAsAdmin(app);
    await makeAccount(app);
    await app.post('mutation { runCleanup(input: { task: COPIES }) { status } }', {}, { token });
    const flush = (...args: string[]) => sparekey(app.settings, 'flush-jobs', ...args);
    expect((await flush('--finished', '--dry-run')).out).toBe('1 finished tasks would be cleared.\n');
    expect((await flush('--finished', '--yes')).out).toBe('Cleared 1 finished tasks.\n');
    expect((await flush('--failed', '--noinput')).out).toBe('Cleared 0 failed tasks.\n');
    expect((await flush('--scheduled', '--yes', '--json')).out).toBe(
      `{"target":"SCHEDULED","counts":{"scheduled":${taskNames.length}},"total":${taskNames.length},"isDryRun":false}\n`,
    );
    expect(await app.database.rows(`select name from agenda_jobs where type <> 'single'`)).toEqual([]);
    const [{ flushed, deleted } = {}] = await app.database.rows(
      `select count(*) filter (where action = 'JOBS_FLUSHED')::int as flushed,
        count(*) filter (where action = 'SCHEDULE_DELETED')::int as deleted from audit_events`,
    );
    expect({ flushed, deleted }).toEqual({ flushed: 3, deleted: taskNames.length });
  });
});
