import { defineEntity, p } from '@mikro-orm/core';
import { createdAt, timestamp } from './columns.js';

/** A key that signs access tokens. Its private half is sealed under RECOVERY_KEY. */
export const SigningKeySchema = defineEntity({
  name: 'SigningKey',
  tableName: 'signing_keys',
  properties: {
    kid: p.text().primary(),
    algorithm: p.text(),
    publicJwk: p.json(),
    sealedPrivateJwk: p.blob().hidden().lazy(),
    keyId: p.text(),
    isCurrent: p.boolean(),
    createdAt: createdAt(),
    expiresAt: timestamp().nullable(),
  },
  checks: [{ name: 'signing_keys_expire_unless_current', expression: 'is_current = (expires_at is null)' }],
  indexes: [
    {
      name: 'signing_keys_one_current',
      expression: 'create unique index signing_keys_one_current on signing_keys (is_current) where is_current',
    },
  ],
});
