import { AccountResolver } from './account-resolver.js';
import { CleanupResolver } from './cleanup-resolver.js';
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
import { SignInResolver } from './sign-in-resolver.js';
import { SubscriptionResolver } from './subscription-resolver.js';

export const resolvers = [
  ServiceResolver,
  AccountResolver,
  RecoveryCodeBatchResolver,
  RecoveryCodesResolver,
  RegistrationResolver,
  SignInResolver,
  ScheduleResolver,
  CleanupResolver,
  PurgeReportResolver,
  PurgeReportConnectionResolver,
  PurgedBatchConnectionResolver,
  JobsResolver,
  SubscriptionResolver,
] as const;
