import type { Draft } from './config.js';
import type { Complaint, SettingProblem } from './problem.js';
import { problem } from './problem.js';

/**
 * How many characters the alphabet of recovery codes has. The alphabet itself belongs to the rules for codes, which a
 * test holds to this number.
 */
export const CODE_ALPHABET_SIZE = 56;

const MIN_CODE_BITS = 64;
const MAX_PASSWORD_BYTES = 1024;
const RECOMMENDED_PASSWORD_LENGTH = 15;
const RECOMMENDED_MAX_ATTEMPTS = 100;

type Check = (draft: Draft) => SettingProblem | undefined;

/** What is evidence, and the setting that says how long it is kept. */
const EVIDENCE = [
  ['AUDIT_RETENTION_DAYS', 'auditRetentionDays'],
  ['EMAIL_LOG_RETENTION_DAYS', 'emailLogRetentionDays'],
  ['PURGE_REPORT_RETENTION_DAYS', 'reportRetentionDays'],
  ['BATCH_HISTORY_RETENTION_DAYS', 'batchHistoryRetentionDays'],
] as const;

interface Comparison {
  /** Names of the setting that is at fault and of the one it is compared with. */
  readonly names: readonly [string, string];
  readonly values: readonly [number | undefined, number | undefined];
  readonly isFine: (value: number, other: number) => boolean;
  readonly complaint: Complaint;
}

const checks: readonly Check[] = [
  checkPageSize,
  checkLowThreshold,
  checkCooldown,
  checkRotation,
  checkReminder,
  checkEmailChange,
  checkCodeStrength,
  checkAdminPassword,
  checkPasswordLength,
  checkAttempts,
  ...EVIDENCE.map(
    ([name, key]): Check =>
      ({ purge }) =>
        compare({
          names: [name, 'EVIDENCE_MIN_DAYS'],
          values: [purge[key], purge.evidenceMinDays],
          isFine: (days, least) => days >= least,
          complaint: {
            id: 'E027',
            message: 'Must not be below EVIDENCE_MIN_DAYS.',
            hint: `Raise ${name} or lower EVIDENCE_MIN_DAYS.`,
          },
        }),
  ),
];

/** Problems that show only when settings are seen together; what could not be parsed is left out. */
export function crossCheck(draft: Draft): readonly SettingProblem[] {
  return checks.map((check) => check(draft)).filter((found) => found !== undefined);
}

function checkPageSize({ history }: Draft): SettingProblem | undefined {
  return compare({
    names: ['HISTORY_PAGE_SIZE', 'HISTORY_MAX_VISIBLE'],
    values: [history.pageSize, history.maxVisible],
    isFine: (pageSize, maxVisible) => pageSize <= maxVisible,
    complaint: {
      id: 'E020',
      message: 'Must not be above HISTORY_MAX_VISIBLE.',
      hint: 'Lower HISTORY_PAGE_SIZE or raise HISTORY_MAX_VISIBLE.',
    },
  });
}

function checkLowThreshold({ codes }: Draft): SettingProblem | undefined {
  return compare({
    names: ['LOW_CODES_THRESHOLD', 'CODES_PER_BATCH'],
    values: [codes.lowThreshold, codes.perBatch],
    isFine: (lowThreshold, perBatch) => lowThreshold < perBatch,
    complaint: {
      id: 'E021',
      message: 'Must be below CODES_PER_BATCH, or a new batch would count as low.',
      hint: 'Lower LOW_CODES_THRESHOLD or raise CODES_PER_BATCH.',
    },
  });
}

function checkCooldown({ limits }: Draft): SettingProblem | undefined {
  return compare({
    names: ['COOLDOWN_BASE_SECONDS', 'COOLDOWN_CUTOFF_SECONDS'],
    values: [limits.cooldownBaseSeconds, limits.cooldownCutoffSeconds],
    isFine: (base, cutoff) => base <= cutoff,
    complaint: {
      id: 'E022',
      message: 'Must not be above COOLDOWN_CUTOFF_SECONDS.',
      hint: 'Lower COOLDOWN_BASE_SECONDS or raise COOLDOWN_CUTOFF_SECONDS.',
    },
  });
}

function checkRotation({ accounts }: Draft): SettingProblem | undefined {
  return compare({
    names: ['KEY_ROTATION_TTL_SECONDS', 'ACCESS_TOKEN_TTL_SECONDS'],
    values: [accounts.keyRotationTtlSeconds, accounts.accessTokenTtlSeconds],
    isFine: (rotation, access) => rotation >= access,
    complaint: {
      id: 'E023',
      message: 'Must not be below ACCESS_TOKEN_TTL_SECONDS, or tokens would outlive the key that signed them.',
      hint: 'Raise KEY_ROTATION_TTL_SECONDS or lower ACCESS_TOKEN_TTL_SECONDS.',
    },
  });
}

function checkReminder({ purge, accounts }: Draft): SettingProblem | undefined {
  return compare({
    names: ['STALE_REMINDER_DAYS', 'STALE_ACCOUNT_DAYS'],
    values: [accounts.staleReminderDays, purge.staleAccountDays],
    isFine: (reminder, stale) => reminder < stale,
    complaint: {
      id: 'E030',
      message: 'Must be below STALE_ACCOUNT_DAYS, or a new account would be reminded at once.',
      hint: 'Lower STALE_REMINDER_DAYS or raise STALE_ACCOUNT_DAYS.',
    },
  });
}

const DAY_SECONDS = 86_400;

function checkEmailChange({ purge, accounts }: Draft): SettingProblem | undefined {
  return compare({
    names: ['STALE_EMAIL_CHANGE_DAYS', 'EMAIL_CHANGE_TTL_SECONDS'],
    values: [purge.staleEmailChangeDays, accounts.emailChangeTtlSeconds],
    isFine: (days, ttl) => days * DAY_SECONDS >= ttl,
    complaint: {
      id: 'E031',
      message: 'Must not be shorter than EMAIL_CHANGE_TTL_SECONDS, or what can be confirmed still would be removed.',
      hint: 'Raise STALE_EMAIL_CHANGE_DAYS or lower EMAIL_CHANGE_TTL_SECONDS.',
    },
  });
}

function checkCodeStrength({ codes }: Draft): SettingProblem | undefined {
  if (codes.groups === undefined || codes.groupLength === undefined) return undefined;
  const bits = Math.log2(CODE_ALPHABET_SIZE) * codes.groups * codes.groupLength;
  if (bits >= MIN_CODE_BITS) return undefined;
  const characters = Math.ceil(MIN_CODE_BITS / Math.log2(CODE_ALPHABET_SIZE));
  return problem('CODE_GROUPS', {
    id: 'E024',
    message: `With CODE_GROUP_LENGTH this gives codes of ${Math.floor(bits)} bits; they need ${MIN_CODE_BITS}.`,
    hint: `Make CODE_GROUPS times CODE_GROUP_LENGTH at least ${characters}.`,
  });
}

function checkAdminPassword({ mail, accounts }: Draft): SettingProblem | undefined {
  if (mail.adminPassword === undefined || accounts.minPasswordLength === undefined) return undefined;
  const counted = mail.adminPassword.normalize('NFKC');
  const isLongEnough = Array.from(counted).length >= accounts.minPasswordLength;
  if (isLongEnough && Buffer.byteLength(counted) <= MAX_PASSWORD_BYTES) return undefined;
  return problem('ADMIN_PASSWORD', {
    id: 'E026',
    message: `Must have at least ${accounts.minPasswordLength} characters and at most ${MAX_PASSWORD_BYTES} bytes.`,
    hint: 'The admin is an account like any other, so MIN_PASSWORD_LENGTH holds.',
  });
}

function checkPasswordLength({ accounts }: Draft): SettingProblem | undefined {
  if ((accounts.minPasswordLength ?? RECOMMENDED_PASSWORD_LENGTH) >= RECOMMENDED_PASSWORD_LENGTH) return undefined;
  return problem('MIN_PASSWORD_LENGTH', {
    id: 'W004',
    message: `Below ${RECOMMENDED_PASSWORD_LENGTH} characters, passwords are too weak to stand alone.`,
    hint: `NIST SP 800-63B-4 asks for ${RECOMMENDED_PASSWORD_LENGTH} where a password is the only factor.`,
  });
}

function checkAttempts({ limits }: Draft): SettingProblem | undefined {
  if ((limits.maxAttempts ?? 0) <= RECOMMENDED_MAX_ATTEMPTS) return undefined;
  return problem('MAX_ATTEMPTS', {
    id: 'W005',
    message: `Above ${RECOMMENDED_MAX_ATTEMPTS}, guessing is limited less than it should be.`,
    hint: `NIST SP 800-63B-4, section 3.2.2, allows ${RECOMMENDED_MAX_ATTEMPTS} failures in a row.`,
  });
}

function compare({ names, values, isFine, complaint }: Comparison): SettingProblem | undefined {
  const [value, other] = values;
  if (value === undefined || other === undefined || isFine(value, other)) return undefined;
  const message = `${complaint.message} Now they are ${value} and ${other}.`;
  return problem(names[0], { ...complaint, message });
}
