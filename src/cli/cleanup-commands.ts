import { cleanupCommand } from './cleanup-command.js';

const nothing = () => undefined;

/** The cleanups that operators start by hand or by cron. */
export const cleanupCommands = [
  cleanupCommand({
    name: 'purge-recovery-codes',
    task: 'RECOVERY_CODES',
    description: 'Remove recovery codes that ended, or expired, longer ago than the retention.',
    days: 'how long ended codes are kept; 0: not at all (default: PURGE_RETENTION_DAYS)',
    began: (days) => `Removing recovery codes that ended more than ${days} days ago…`,
    done: ({ counts }) =>
      `Successfully removed ${counts['codes']} recovery code(s); of ${counts['batches']} batch(es) only the record is left.`,
    wouldDo: ({ counts }) =>
      `${counts['codes']} recovery code(s) would be removed; of ${counts['batches']} batch(es) only the record would be left.`,
  }),
  cleanupCommand({
    name: 'purge-audit-events',
    task: 'AUDIT_EVENTS',
    description: 'Remove old audit events, where AUDIT_AUTO_CLEANUP allows it.',
    days: 'how long they are kept (default: AUDIT_RETENTION_DAYS)',
    began: (days) => `Removing audit events older than ${days} days…`,
    done: ({ total }) => `Successfully removed ${total} audit event(s).`,
    wouldDo: ({ total }) => `${total} audit event(s) would be removed.`,
  }),
  cleanupCommand({
    name: 'remove-stale-unverified-accounts',
    task: 'UNVERIFIED_ACCOUNTS',
    description: 'Remove accounts whose address was never verified; never an admin, never one that had a batch.',
    days: 'how long an account may stay unverified (default: STALE_ACCOUNT_DAYS)',
    began: (days) => `Removing accounts that have not been verified within ${days} days…`,
    done: ({ total }) => `Successfully removed ${total} unverified account(s).`,
    wouldDo: ({ total }) => `${total} unverified account(s) would be removed.`,
  }),
  cleanupCommand({
    name: 'remove-complete-and-stale-email-change-requests',
    task: 'EMAIL_CHANGE_REQUESTS',
    description: 'Remove changes of address that were completed, and those that were not in time.',
    days: 'how long one that was not completed is remembered (default: STALE_EMAIL_CHANGE_DAYS)',
    began: (days) =>
      `Removing completed email change requests and requests that have not been completed within ${days} days…`,
    done: ({ total }) => `Successfully removed ${total} completed and/or stale email change request(s).`,
    wouldDo: ({ total }) => `${total} completed and/or stale email change request(s) would be removed.`,
  }),
  cleanupCommand({
    name: 'cleanup-expired-tokens',
    task: 'VERIFICATION_TOKENS',
    description: 'Remove mailed tokens that were used or have expired.',
    began: nothing,
    done: ({ total }) => `Cleaned up ${total} tokens`,
    wouldDo: ({ total }) => `${total} tokens would be cleaned up`,
  }),
  cleanupCommand({
    name: 'cleanup-expired-sessions',
    task: 'SESSIONS',
    description: 'Remove refresh tokens past their own expiry, and sessions that have none left.',
    began: nothing,
    done: ({ counts }) => `Cleaned up ${counts['refreshTokens']} tokens, ${counts['sessions']} sessions`,
    wouldDo: ({ counts }) => `${counts['refreshTokens']} tokens, ${counts['sessions']} sessions would be cleaned up`,
  }),
  cleanupCommand({
    name: 'cleanup-expired-keys',
    task: 'SIGNING_KEYS',
    description: 'Remove signing keys that have expired, never the current one.',
    began: nothing,
    done: ({ total }) => `Cleaned up ${total} keys`,
    wouldDo: ({ total }) => `${total} keys would be cleaned up`,
  }),
];
