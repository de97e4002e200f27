import { AccountDeletionResolver } from './account-deletion-resolver.js';
import { AccountConnectionResolver, AccountResolver } from './account-resolver.js';
import { AuditEventConnectionResolver, AuditEventResolver } from './audit-resolver.js';
import { CleanupResolver } from './cleanup-resolver.js';
import { CopiesResolver } from './copies-resolver.js';
import { EmailChangeResolver } from './email-change-resolver.js';
import { EmailLogResolver } from './email-log-resolver.js';
import { JobsResolver } from './jobs-resolver.js';
import { OidcClientsResolver } from './oidc-clients-resolver.js';
import { PasswordsResolver } from './passwords-resolver.js';
import {
  PurgedBatchConnectionResolver,
  PurgeReportConnectionResolver,
  PurgeReportResolver,
} from './purge-report-resolver.js';
import { RecoveryCodeBatchResolver } from './recovery-code-batch-resolver.js';
import { RecoveryCodesResolver } from './recovery-codes-resolver.js';
import { RegistrationResolver } from './registration-resolver.js';
import { ScheduleResolver } from './schedule-resolver.js';
import { ServiceKeysResolver } from './service-keys-resolver.js';
import { ServiceResolver } from './service-resolver.js';
import { SessionsResolver } from './sessions-resolver.js';
import { SettingsResolver } from './settings-resolver.js';
import { SignInResolver } from './sign-in-resolver.js';
import { SigningKeysResolver } from './signing-keys-resolver.js';
import { SubscriptionResolver } from './subscription-resolver.js';

export const resolvers = [
  ServiceResolver,
  AccountResolver,
  AccountConnectionResolver,
  RecoveryCodeBatchResolver,
  RecoveryCodesResolver,
  CopiesResolver,
  RegistrationResolver,
  SignInResolver,
  SessionsResolver,
  PasswordsResolver,
  EmailChangeResolver,
  AccountDeletionResolver,
  ScheduleResolver,
  CleanupResolver,
  PurgeReportResolver,
  PurgeReportConnectionResolver,
  PurgedBatchConnectionResolver,
  JobsResolver,
  AuditEventResolver,
  AuditEventConnectionResolver,
  EmailLogResolver,
  SigningKeysResolver,
  SettingsResolver,
  ServiceKeysResolver,
  OidcClientsResolver,
  SubscriptionResolver,
] as const;
