import { defineEntity, p } from '@mikro-orm/core';
import { createdAt, id, timestamp } from './columns.js';
import { SessionSchema } from './session.js';

/** One link in a session's chain of refresh tokens. Used ones stay until they expire, so that a replay is seen. */
export const RefreshTokenSchema = defineEntity({
  name: 'RefreshToken',
  tableName: 'refresh_tokens',
  properties: {
    id: id(),
    sessionId: () => p.manyToOne(SessionSchema).mapToPk().fieldName('session_id').deleteRule('cascade'),
    tokenHash: p.blob().hidden().lazy(),
    createdAt: createdAt(),
    expiresAt: timestamp(),
    usedAt: timestamp().nullable(),
  },
  checks: [
    {
      name: 'refresh_tokens_token_hash_length',
      expression: `octet_length(token_hash) = 32`,
    },
  ],
  uniques: [{ name: 'refresh_tokens_token_hash_unique', properties: ['tokenHash'] }],
  indexes: [
    { name: 'refresh_tokens_session_id_index', properties: ['sessionId'] },
    { name: 'refresh_tokens_expires_at_index', properties: ['expiresAt', 'id'] },
  ],
});
