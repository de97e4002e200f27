import { AccountConnectionResolver, AccountResolver } from './account-resolver.js';
import { AuditEventConnectionResolver, AuditEventResolver } from './audit-resolver.js';
import { CleanupResolver } from './cleanup-resolver.js';
import { CopiesResolver } from './copies-resolver.js';
import { EmailLogResolver } from './email-log-resolver.js';
import { JobsResolver } from './jobs-resolver.js';
import {
  PurgedBatchConnectionResolver,
  PurgeReportConnectionResolver,
  PurgeReportResolver,
} from './purge-report-resolver.js';
import { RecoveryCodeBatchResolver } from './recovery-code-batch-resolver.js';
import { RecoveryCodesResolver } from './recovery-codes-resolver.js';
import { RegistrationResolver } from './registration-resolver.js';
import { ScheduleResolver } from './schedule-resolver.js';
import { ServiceResolver } from './service-resolver.js';
import { SettingsResolver } from './settings-resolver.js';
import { SignInResolver } from './sign-in-resolver.js';
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
  ScheduleResolver,
  CleanupResolver,
  PurgeReportResolver,
  PurgeReportConnectionResolver,
  PurgedBatchConnectionResolver,
  JobsResolver,
  AuditEventResolver,
  AuditEventConnectionResolver,
  EmailLogResolver,
  SettingsResolver,
  SubscriptionResolver,
] as const;
