import { choice, fileName, integer } from '../plain-kinds.js';
import { setting } from '../setting.js';

const exportFormats = choice({ txt: 'TXT', csv: 'CSV', pdf: 'PDF', json: 'JSON' });

export const codeSettings = {
  codes: {
    perBatch: setting('CODES_PER_BATCH', integer(1, 50), { default: '10', description: 'Recovery codes in a batch.' }),
    groups: setting('CODE_GROUPS', integer(1, 16), { default: '6', description: 'Groups of characters in a code.' }),
    groupLength: setting('CODE_GROUP_LENGTH', integer(1, 16), {
      default: '6',
      description: 'Characters in a group; a code must reach 64 bits.',
    }),
    maxExpiryDays: setting('MAX_EXPIRY_DAYS', integer(1, 36500), {
      default: '365',
      description: 'Longest life that may be asked for a batch, in days.',
    }),
    lowThreshold: setting('LOW_CODES_THRESHOLD', integer(0, 49), {
      default: '3',
      description: 'With so many codes left the owner is warned; below CODES_PER_BATCH.',
    }),
    copyTtlSeconds: setting('COPY_TTL_SECONDS', integer(1, 3600), {
      default: '1800',
      description: 'How long new codes can be exported or mailed, in seconds.',
    }),
  },
  limits: {
    cooldownBaseSeconds: setting('COOLDOWN_BASE_SECONDS', integer(1, 86400), {
      default: '60',
      description: 'First wait after issuing or after MAX_ATTEMPTS failures, in seconds.',
    }),
    cooldownMultiplier: setting('COOLDOWN_MULTIPLIER', integer(1, 10), {
      default: '2',
      description: 'What each early press or further failure multiplies the wait by.',
    }),
    cooldownCutoffSeconds: setting('COOLDOWN_CUTOFF_SECONDS', integer(1, 86400), {
      default: '3600',
      description: 'Longest wait, in seconds; at least COOLDOWN_BASE_SECONDS.',
    }),
    maxAttempts: setting('MAX_ATTEMPTS', integer(1, 1000), {
      default: '5',
      description: 'Failures of one account from one address before waiting begins; NIST allows 100.',
    }),
    accountPasswordCeiling: setting('ACCOUNT_PASSWORD_CEILING', integer(1, 100000), {
      default: '100',
      description: 'Failed passwords in a row, from anywhere, after which only known addresses may try.',
    }),
    addressFailuresPerHour: setting('ADDRESS_FAILURES_PER_HOUR', integer(1, 1000000), {
      default: '100',
      description: 'Failures of one address over all accounts in an hour.',
    }),
  },
  history: {
    maxVisible: setting('HISTORY_MAX_VISIBLE', integer(1, 10000), {
      default: '20',
      description: 'Batches that the history shows at most.',
    }),
    pageSize: setting('HISTORY_PAGE_SIZE', integer(1, 100), {
      default: '10',
      description: 'Batches on a page of the history; at most HISTORY_MAX_VISIBLE.',
    }),
  },
  export: {
    format: setting('EXPORT_FORMAT', exportFormats, {
      default: 'txt',
      description: 'Format of an export that names none.',
    }),
    fileName: setting('EXPORT_FILE_NAME', fileName, {
      default: 'recovery_codes',
      description: 'Name of exported files, without extension.',
    }),
  },
};
