import { defineEntity, p } from '@mikro-orm/core';
import { AccountSchema } from './account.js';
import { createdAt, id, timestamp } from './columns.js';

/** One signing-in. Its id is stable across refreshes; `expiresAt` never moves. */
export const SessionSchema = defineEntity({
  name: 'Session',
  tableName: 'sessions',
  properties: {
    id: id(),
    accountId: () => p.manyToOne(AccountSchema).mapToPk().fieldName('account_id').deleteRule('cascade'),
    method: p.text(),
    createdAt: createdAt(),
    /** When the person last proved who they are; refreshing does not renew it. */
    authenticatedAt: createdAt(),
    lastUsedAt: createdAt(),
    expiresAt: timestamp(),
    revokedAt: timestamp().nullable(),
    userAgent: p.text().nullable(),
    ipAddress: p.text().nullable(),
    /** What limits count as one address: the IPv4 address, or the /64 of an IPv6 one. */
    network: p.text().nullable(),
  },
  checks: [
    { name: 'sessions_method_known', expression: `method in ('PASSWORD', 'RECOVERY_CODE', 'FEDERATED', 'SERVICE')` },
  ],
  indexes: [
    { name: 'sessions_account_id_index', properties: ['accountId', 'createdAt'] },
    { name: 'sessions_expires_at_index', properties: ['expiresAt', 'id'] },
  ],
});
