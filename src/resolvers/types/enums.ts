import { registerEnumType } from 'type-graphql';
import { SERVICE_OPERATIONS } from '../../domain/access/viewer.js';
import { taskNames } from '../../domain/cleanup/registry.js';
import { AUDIT_ACTIONS } from '../../domain/events/audit-actions.js';

function enumOf<const Value extends string>(
  name: string,
  values: readonly Value[],
  descriptions: Partial<Record<Value, string>> = {},
): { readonly [V in Value]: V } {
  const type = Object.fromEntries(values.map((value) => [value, value])) as { [V in Value]: V };
  const described = Object.entries<string | undefined>(descriptions);
  registerEnumType(type, {
    name,
    valuesConfig: Object.fromEntries(described.map(([value, description]) => [value, { description }])) as never,
  });
  return type;
}

export const Role = enumOf('Role', ['USER', 'ADMIN']);

export const SignInMethod = enumOf('SignInMethod', ['PASSWORD', 'RECOVERY_CODE', 'FEDERATED', 'SERVICE']);

export const BatchStatus = enumOf(
  'BatchStatus',
  ['ACTIVE', 'EXHAUSTED', 'EXPIRED', 'SUPERSEDED', 'PENDING_DELETION', 'PURGED'],
  {
    EXHAUSTED: 'Every code was used, invalidated or removed.',
    SUPERSEDED: 'A newer batch took its place.',
    PURGED: 'Its codes were purged; only this record is left.',
  },
);

export const CodeStatus = enumOf('CodeStatus', [
  'ACTIVE',
  'USED',
  'INVALIDATED',
  'EXPIRED',
  'SUPERSEDED',
  'PENDING_DELETION',
]);

export const VerificationOutcome = enumOf('VerificationOutcome', ['ACCEPTED', 'REJECTED'], {
  REJECTED: 'Wrong, used, expired, revoked or unknown: deliberately not told apart.',
});

export const SetupTestOutcome = enumOf('SetupTestOutcome', [
  'VERIFIED',
  'ALREADY_VERIFIED',
  'INVALID_CODE',
  'NO_ACTIVE_BATCH',
]);

export const RevocationOutcome = enumOf('RevocationOutcome', [
  'DONE',
  'ALREADY_USED',
  'ALREADY_INVALIDATED',
  'ALREADY_DELETED',
  'SUPERSEDED',
  'EXPIRED',
  'NOT_FOUND',
]);

export const ExportFormat = enumOf('ExportFormat', ['TXT', 'CSV', 'PDF', 'JSON']);

export const RecoverySignInMode = enumOf('RecoverySignInMode', ['ALONE', 'WITH_PASSWORD', 'OFF']);

export const CleanupTask = enumOf('CleanupTask', taskNames, {
  OIDC_CLIENT_KEYS: "Fetches the trusted issuers' signing keys anew; removes nothing.",
});

export const ScheduleType = enumOf('ScheduleType', [
  'ONCE',
  'HOURLY',
  'DAILY',
  'WEEKLY',
  'MONTHLY',
  'QUARTERLY',
  'YEARLY',
  'CRON',
]);

export const ReportMail = enumOf('ReportMail', ['NEVER', 'WHEN_DELETED', 'ALWAYS']);

export const ReportStatus = enumOf(
  'ReportStatus',
  ['QUEUED', 'RUNNING', 'SUCCEEDED', 'PARTIAL', 'FAILED', 'INTERRUPTED', 'CANCELLED', 'SKIPPED'],
  {
    PARTIAL: 'Some of it failed, or a cap stopped it with work left.',
    INTERRUPTED: 'Its process died; the next run continues.',
    SKIPPED: 'Switched off, or another run of the task was in progress: error says which.',
  },
);

export const ReportTrigger = enumOf('ReportTrigger', ['SCHEDULE', 'MANUAL', 'CLI']);

export const EmailStatus = enumOf('EmailStatus', ['QUEUED', 'SENT', 'FAILED']);

export const JobTarget = enumOf('JobTarget', ['FAILED', 'FINISHED', 'SCHEDULED', 'ALL'], {
  FAILED: 'One-off jobs that ended in failure.',
  FINISHED: 'One-off jobs that ended well.',
  SCHEDULED: 'Every cleanup schedule.',
  ALL: 'The three together. Running jobs and queued mails are never touched.',
});

export const AuditAction = enumOf('AuditAction', AUDIT_ACTIONS);

export const SettingSeverity = enumOf('SettingSeverity', ['ERROR', 'WARNING']);

export const ServiceOperation = enumOf('ServiceOperation', SERVICE_OPERATIONS, {
  ISSUE: `generateRecoveryCodes, markRecoveryCodesViewed, exportRecoveryCodes, emailRecoveryCodes, invalidateRecoveryCode,
deleteRecoveryCode and deleteRecoveryCodeBatch.`,
  VERIFY: 'verifyRecoveryCode and testRecoveryCode.',
  READ: 'me and recoveryCodeBatch.',
});
