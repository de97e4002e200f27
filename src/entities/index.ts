import { AccountSchema } from './account.js';
import { AuditEventSchema } from './audit-event.js';
import { CodeCopySchema } from './code-copy.js';
import { OutboxMessageSchema } from './outbox-message.js';
import { RateLimitSchema } from './rate-limit.js';
import { RecoveryCodeBatchSchema } from './recovery-code-batch.js';
import { RecoveryCodeSchema } from './recovery-code.js';
import { RefreshTokenSchema } from './refresh-token.js';
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
  RateLimitSchema,
  AuditEventSchema,
  OutboxMessageSchema,
  SigningKeySchema,
] as const;
