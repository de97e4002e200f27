import { AccountSchema } from './account.js';
import { AuditEventSchema } from './audit-event.js';
import { CodeCopySchema } from './code-copy.js';
import { CodeMailSchema } from './code-mail.js';
import { DefaultScheduleSchema } from './default-schedule.js';
import { EmailChangeRequestSchema } from './email-change-request.js';
import { EmailLogEntrySchema } from './email-log-entry.js';
import { FederatedCutoffSchema } from './federated-cutoff.js';
import { OidcClientSchema } from './oidc-client.js';
import { OutboxMessageSchema } from './outbox-message.js';
import { PurgeReportBatchSchema } from './purge-report-batch.js';
import { PurgeReportSchema } from './purge-report.js';
import { RateLimitSchema } from './rate-limit.js';
import { RecoveryCodeBatchSchema } from './recovery-code-batch.js';
import { RecoveryCodeSchema } from './recovery-code.js';
import { RefreshTokenSchema } from './refresh-token.js';
import { ServiceKeySchema } from './service-key.js';
import { SessionSchema } from './session.js';
import { SigningKeySchema } from './signing-key.js';
import { VerificationTokenSchema } from './verification-token.js';

export const entities = [
  AccountSchema,
  SessionSchema,
  RefreshTokenSchema,
  VerificationTokenSchema,
  RecoveryCodeBatchSchema,
  RecoveryCodeSchema,
  CodeCopySchema,
  CodeMailSchema,
  RateLimitSchema,
  AuditEventSchema,
  OutboxMessageSchema,
  SigningKeySchema,
  PurgeReportSchema,
  PurgeReportBatchSchema,
  EmailLogEntrySchema,
  DefaultScheduleSchema,
  EmailChangeRequestSchema,
  OidcClientSchema,
  FederatedCutoffSchema,
  ServiceKeySchema,
] as const;
