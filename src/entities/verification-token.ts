import { defineEntity, p } from '@mikro-orm/core';
import { AccountSchema } from './account.js';
import { createdAt, id, timestamp } from './columns.js';

/**
 * A mailed, single-use token, bound to a purpose, an account and an address. A pending registration's password waits
 * here, so that whoever verifies the address chose it.
 */
export const VerificationTokenSchema = defineEntity({
  name: 'VerificationToken',
  tableName: 'verification_tokens',
  properties: {
    id: id(),
    accountId: () => p.manyToOne(AccountSchema).mapToPk().fieldName('account_id').deleteRule('cascade'),
    purpose: p.text(),
    emailKey: p.text(),
    tokenHash: p.blob().hidden().lazy(),
    passwordHash: p.text().nullable().hidden().lazy(),
    createdAt: createdAt(),
    expiresAt: timestamp(),
    usedAt: timestamp().nullable(),
  },
  checks: [
    {
      name: 'verification_tokens_token_hash_length',
      expression: `octet_length(token_hash) = 32`,
    },
    {
      name: 'verification_tokens_purpose_known',
      expression: `purpose in ('EMAIL_VERIFICATION', 'PASSWORD_RESET', 'EMAIL_CHANGE')`,
    },
  ],
  uniques: [{ name: 'verification_tokens_token_hash_unique', properties: ['tokenHash'] }],
  indexes: [
    { name: 'verification_tokens_account_id_index', properties: ['accountId', 'purpose'] },
    {
      name: 'verification_tokens_ended_at_index',
      expression: `create index verification_tokens_ended_at_index on verification_tokens (least(used_at, expires_at), id)`,
    },
  ],
});
