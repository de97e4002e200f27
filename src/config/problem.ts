/** Every kind of problem a setting can have. Ids are stable: never renumber, never reuse; a new kind gets the next number. */
export const problemKinds = {
  E001: 'not a whole number in plain decimal digits',
  E002: 'a whole number outside of its range',
  E003: 'neither true nor false',
  E004: 'not one of the choices',
  E005: 'text of a length or form that is not allowed',
  E006: 'not a URL of the kind that is needed',
  E007: 'not a list of networks, or a list that trusts every address',
  E008: 'not a list of web origins',
  E009: 'not an e-mail address',
  E010: 'not a key of at least 32 bytes in base64url',
  E011: 'given twice, directly and by its _FILE variant',
  E012: 'the file of a _FILE variant cannot be read or is empty',
  E013: 'required in production',
  E014: 'the .env file cannot be read',
  E020: 'HISTORY_PAGE_SIZE above HISTORY_MAX_VISIBLE',
  E021: 'LOW_CODES_THRESHOLD not below CODES_PER_BATCH',
  E022: 'COOLDOWN_BASE_SECONDS above COOLDOWN_CUTOFF_SECONDS',
  E023: 'KEY_ROTATION_TTL_SECONDS below ACCESS_TOKEN_TTL_SECONDS',
  E024: 'codes of fewer than 64 bits',
  E025: 'mail without TLS to a public address, in production',
  E026: 'ADMIN_PASSWORD that an account could not have',
  E027: 'a retention of evidence below EVIDENCE_MIN_DAYS',
  E028: 'a key that is still needed and not configured',
  E029: 'a clock that the database shifts, in production',
  E030: 'STALE_REMINDER_DAYS not below STALE_ACCOUNT_DAYS',
  E031: 'STALE_EMAIL_CHANGE_DAYS shorter than EMAIL_CHANGE_TTL_SECONDS',
  E032: 'trusted issuers on this machine, in production',
  W001: 'mail without TLS to a private address, in production',
  W002: 'a recovery code alone signs in, in production',
  W003: 'codes may be mailed, in production',
  W004: 'MIN_PASSWORD_LENGTH below 15',
  W005: 'MAX_ATTEMPTS above 100',
  W006: 'PUBLIC_URL without TLS, in production',
  W007: 'a clock that the database shifts',
} as const;

export type ProblemId = keyof typeof problemKinds;

/** What is wrong and what to do about it. Neither ever holds the text that was given, which may be a misplaced secret. */
export interface Complaint {
  readonly id: ProblemId;
  readonly message: string;
  readonly hint: string;
}

/** One finding about one setting. Errors stop the start, warnings do not. */
export interface SettingProblem extends Complaint {
  readonly setting: string;
  readonly severity: 'ERROR' | 'WARNING';
}

/** Attaches a complaint to a setting; the first letter of its id is its severity. */
export function problem(setting: string, complaint: Complaint): SettingProblem {
  const severity = complaint.id.startsWith('E') ? 'ERROR' : 'WARNING';
  return { id: complaint.id, setting, severity, message: complaint.message, hint: complaint.hint };
}
