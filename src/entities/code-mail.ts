import { defineEntity, p } from '@mikro-orm/core';
import { timestamp } from './columns.js';
import { RecoveryCodeBatchSchema } from './recovery-code-batch.js';

/**
 * A mail of a batch's codes that is under way: accepted, and without its final answer. It holds the sealed copy, past
 * export, sign-out and its time, until the answer or `heldUntil`. There is no plaintext in it.
 */
export const CodeMailSchema = defineEntity({
  name: 'CodeMail',
  tableName: 'code_mails',
  properties: {
    batchId: () => p.manyToOne(RecoveryCodeBatchSchema).mapToPk().fieldName('batch_id').primary().deleteRule('cascade'),
    /** Of this one mail, so that each attempt at it has the same Message-ID. */
    id: p.uuid(),
    /** Whose copy it is; the session may end meanwhile. */
    sessionId: p.uuid(),
    heldUntil: timestamp(),
    /** Somebody tries to send it; nobody else does until then. */
    attemptUntil: timestamp().nullable(),
  },
  indexes: [{ name: 'code_mails_held_until_index', properties: ['heldUntil'] }],
});
