import { defineEntity, p } from '@mikro-orm/core';
import { createdAt, timestamp } from './columns.js';
import { RecoveryCodeBatchSchema } from './recovery-code-batch.js';
import { SessionSchema } from './session.js';

/**
 * The sealed plaintext of a batch, for the session that issued it. The migration makes the table UNLOGGED, so that
 * neither the write-ahead log nor a replica or base backup holds it.
 */
export const CodeCopySchema = defineEntity({
  name: 'CodeCopy',
  tableName: 'code_copies',
  properties: {
    batchId: () => p.manyToOne(RecoveryCodeBatchSchema).mapToPk().fieldName('batch_id').primary().deleteRule('cascade'),
    sessionId: () => p.manyToOne(SessionSchema).mapToPk().fieldName('session_id').deleteRule('cascade'),
    sealed: p.blob().hidden().lazy(),
    keyId: p.text(),
    createdAt: createdAt(),
    expiresAt: timestamp(),
  },
  indexes: [
    { name: 'code_copies_session_id_index', properties: ['sessionId'] },
    { name: 'code_copies_expires_at_index', properties: ['expiresAt', 'batchId'] },
  ],
});
