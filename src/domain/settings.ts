/** How a recovery code signs in: alone, with the password too, or not at all. */
export type RecoverySignIn = 'ALONE' | 'WITH_PASSWORD' | 'OFF';

/** The settings that rules go by. */
export interface DomainSettings {
  readonly server: { readonly siteName: string };
  readonly codes: {
    readonly perBatch: number;
    readonly groups: number;
    readonly groupLength: number;
    readonly maxExpiryDays: number;
    readonly lowThreshold: number;
    readonly copyTtlSeconds: number;
  };
  readonly limits: {
    readonly cooldownBaseSeconds: number;
    readonly cooldownMultiplier: number;
    readonly cooldownCutoffSeconds: number;
    readonly maxAttempts: number;
    readonly accountPasswordCeiling: number;
    readonly addressFailuresPerHour: number;
  };
  readonly purge: {
    readonly retentionDays: number;
    readonly batchSize: number;
    readonly pauseMs: number;
    /** -1: unlimited. */
    readonly maxDeletionsPerRun: number;
    readonly useLogger: boolean;
    readonly auditAutoCleanup: boolean;
    readonly auditRetentionDays: number;
    readonly emailLogRetentionDays: number;
    readonly reportRetentionDays: number;
    /** Undefined: kept for ever. */
    readonly batchHistoryRetentionDays: number | undefined;
    readonly evidenceMinDays: number;
    readonly staleAccountDays: number;
    readonly staleEmailChangeDays: number;
  };
  readonly history: { readonly maxVisible: number; readonly pageSize: number };
  readonly export: { readonly format: 'TXT' | 'CSV' | 'PDF' | 'JSON'; readonly fileName: string };
  readonly mail: {
    readonly emailCopyEnabled: boolean;
    /** Whether a mail of codes is sent while its caller waits, or by a job. */
    readonly mode: 'queued' | 'inline';
    readonly emailSuccessMessage: string;
    readonly adminEmail: string;
    readonly adminName: string;
    readonly from: string;
    readonly storeEmailLog: boolean;
  };
  readonly issuers: {
    readonly jwksMaxStaleDays: number;
    readonly allowLoopback: boolean;
  };
  readonly accounts: {
    readonly registrationOpen: boolean;
    readonly recoverySignIn: RecoverySignIn;
    readonly minPasswordLength: number;
    readonly stepUpSeconds: number;
    readonly refreshGraceSeconds: number;
    readonly accessTokenTtlSeconds: number;
    readonly keyRotationTtlSeconds: number;
    readonly keyRotationIntervalDays: number;
    readonly refreshTokenTtlSeconds: number;
    readonly emailVerificationTtlSeconds: number;
    readonly passwordResetTtlSeconds: number;
    readonly emailChangeTtlSeconds: number;
    readonly staleReminderDays: number;
    readonly afterSignOutUrl: string;
  };
}
