import { describe, expect, it } from '@jest/globals';
import { CODE_ALPHABET_SIZE } from '../../../src/config/cross-checks.js';
import { loadConfig } from '../../../src/config/load-config.js';

function found(env: Record<string, string>): string[] {
  return loadConfig(env).problems.map(({ id, setting }) => `${id} ${setting}`);
}

describe('settings that must fit together', () => {
  it.each([
    [{ HISTORY_PAGE_SIZE: '20' }, []],
    [{ HISTORY_PAGE_SIZE: '21' }, ['E020 HISTORY_PAGE_SIZE']],
    [{ HISTORY_MAX_VISIBLE: '9' }, ['E020 HISTORY_PAGE_SIZE']],
    [{ HISTORY_MAX_VISIBLE: '1', HISTORY_PAGE_SIZE: '1' }, []],
    [{ CODES_PER_BATCH: '4' }, []],
    [{ CODES_PER_BATCH: '3' }, ['E021 LOW_CODES_THRESHOLD']],
    [{ LOW_CODES_THRESHOLD: '9' }, []],
    [{ LOW_CODES_THRESHOLD: '10' }, ['E021 LOW_CODES_THRESHOLD']],
    [{ CODES_PER_BATCH: '1', LOW_CODES_THRESHOLD: '0' }, []],
    [{ COOLDOWN_BASE_SECONDS: '3600' }, []],
    [{ COOLDOWN_BASE_SECONDS: '3601' }, ['E022 COOLDOWN_BASE_SECONDS']],
    [{ COOLDOWN_CUTOFF_SECONDS: '59' }, ['E022 COOLDOWN_BASE_SECONDS']],
    [{ KEY_ROTATION_TTL_SECONDS: '900' }, []],
    [{ KEY_ROTATION_TTL_SECONDS: '899' }, ['E023 KEY_ROTATION_TTL_SECONDS']],
    [{ ACCESS_TOKEN_TTL_SECONDS: '86400', KEY_ROTATION_TTL_SECONDS: '86399' }, ['E023 KEY_ROTATION_TTL_SECONDS']],
    [{ STALE_ACCOUNT_DAYS: '8' }, []],
    [{ STALE_ACCOUNT_DAYS: '7' }, ['E030 STALE_REMINDER_DAYS']],
    [{ STALE_ACCOUNT_DAYS: '2', STALE_REMINDER_DAYS: '1' }, []],
    [{ STALE_REMINDER_DAYS: '90' }, ['E030 STALE_REMINDER_DAYS']],
    [{ STALE_EMAIL_CHANGE_DAYS: '1' }, []],
    [{ STALE_EMAIL_CHANGE_DAYS: '1', EMAIL_CHANGE_TTL_SECONDS: '86401' }, ['E031 STALE_EMAIL_CHANGE_DAYS']],
    [{ EMAIL_CHANGE_TTL_SECONDS: '604800' }, []],
    [{ EMAIL_CHANGE_TTL_SECONDS: '604801' }, ['E031 STALE_EMAIL_CHANGE_DAYS']],
    [{ MIN_PASSWORD_LENGTH: '15' }, []],
    [{ MIN_PASSWORD_LENGTH: '14' }, ['W004 MIN_PASSWORD_LENGTH']],
    [{ MIN_PASSWORD_LENGTH: '8' }, ['W004 MIN_PASSWORD_LENGTH']],
    [{ MIN_PASSWORD_LENGTH: '7' }, ['E002 MIN_PASSWORD_LENGTH']],
    [{ AUDIT_RETENTION_DAYS: '7' }, []],
    [{ AUDIT_RETENTION_DAYS: '6' }, ['E027 AUDIT_RETENTION_DAYS']],
    [{ EMAIL_LOG_RETENTION_DAYS: '6' }, ['E027 EMAIL_LOG_RETENTION_DAYS']],
    [{ BATCH_HISTORY_RETENTION_DAYS: '6' }, ['E027 BATCH_HISTORY_RETENTION_DAYS']],
    [{ EVIDENCE_MIN_DAYS: '366' }, ['AUDIT', 'EMAIL_LOG', 'PURGE_REPORT'].map((of) => `E027 ${of}_RETENTION_DAYS`)],
    [{ EVIDENCE_MIN_DAYS: '1', AUDIT_RETENTION_DAYS: '1' }, []],
    [{ MAX_ATTEMPTS: '100' }, []],
    [{ MAX_ATTEMPTS: '101' }, ['W005 MAX_ATTEMPTS']],
  ])('%j', (env: Record<string, string>, expected) => {
    expect(found(env)).toEqual(expected);
  });

  it('are not compared with one that was refused', () => {
    expect(found({ HISTORY_PAGE_SIZE: '90', HISTORY_MAX_VISIBLE: 'x' })).toEqual(['E001 HISTORY_MAX_VISIBLE']);
  });

  it('are told with the numbers that do not fit', () => {
    const [problem] = loadConfig({ HISTORY_PAGE_SIZE: '21' }).problems;
    expect(problem?.message).toContain('21 and 20');
  });
});

describe('the strength of a code', () => {
  it('is 64 bits or more for every size that is accepted, and less for every one refused', () => {
    for (let groups = 1; groups <= 16; groups += 1) {
      for (let length = 1; length <= 16; length += 1) {
        const bits = Math.log2(CODE_ALPHABET_SIZE) * groups * length;
        const problems = found({ CODE_GROUPS: String(groups), CODE_GROUP_LENGTH: String(length) });
        expect(problems).toEqual(bits >= 64 ? [] : ['E024 CODE_GROUPS']);
      }
    }
  });

  it('is told in bits, with the size that would do', () => {
    const [problem] = loadConfig({ CODE_GROUPS: '1', CODE_GROUP_LENGTH: '11' }).problems;
    expect([problem?.message, problem?.hint]).toEqual([
      expect.stringContaining('63 bits'),
      expect.stringContaining('12'),
    ]);
  });
});

describe('ADMIN_PASSWORD', () => {
  it.each([
    ['of the least length', 'a'.repeat(15), []],
    ['one short', 'a'.repeat(14), ['E026 ADMIN_PASSWORD']],
    ['of 15 characters beyond the basic plane', '🔑'.repeat(15), []],
    ['of 14 such characters', '🔑'.repeat(14), ['E026 ADMIN_PASSWORD']],
    ['that is short once composed', 'e\u0301'.repeat(14), ['E026 ADMIN_PASSWORD']],
    ['of 1024 bytes', 'a'.repeat(1024), []],
    ['of 1025 bytes', 'a'.repeat(1025), ['E026 ADMIN_PASSWORD']],
  ])('%s', (_, ADMIN_PASSWORD, expected) => {
    expect(found({ ADMIN_PASSWORD })).toEqual(expected);
  });

  it('follows MIN_PASSWORD_LENGTH', () => {
    expect(found({ ADMIN_PASSWORD: 'a'.repeat(19), MIN_PASSWORD_LENGTH: '20' })).toEqual(['E026 ADMIN_PASSWORD']);
  });
});
