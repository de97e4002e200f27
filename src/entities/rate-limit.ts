import { defineEntity, p } from '@mikro-orm/core';
import { createdAt, timestamp } from './columns.js';

/** What the limiter remembers under one key. The key is an HMAC, never what was typed. */
export const RateLimitSchema = defineEntity({
  name: 'RateLimit',
  tableName: 'rate_limits',
  properties: {
    key: p.blob().primary(),
    /** The key of the account to which a row for one of its addresses belongs. */
    ownerKey: p.blob().nullable(),
    /** Failed attempts, or uses, since the last reset. */
    count: p.integer().default(0),
    /** Each attempt still under way, by its id, with the second (since 1970) at which it took its slot. */
    openSlots: p.json<Record<string, number>>().defaultRaw(`'{}'`),
    /** Which window of the growing sequence was set last; 0: none. */
    step: p.integer().default(0),
    /** Whether a caller has been told to wait since the last reset: the next refusal grows the window. */
    isTold: p.boolean().default(false),
    blockedUntil: timestamp().nullable(),
    countedSince: timestamp().nullable(),
    lastCountedAt: timestamp().nullable(),
    /** When the account was last told by mail that it is locked. */
    noticedAt: timestamp().nullable(),
    /** Without an index, so that the updates of a busy row stay heap-only. */
    updatedAt: createdAt(),
  },
  indexes: [{ name: 'rate_limits_owner_key_index', properties: ['ownerKey'] }],
});
