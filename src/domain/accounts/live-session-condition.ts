import { sql } from 'kysely';

/** Condition on `sessions s`: it lets somebody in still. */
export const isLiveSession = sql<boolean>`(s.revoked_at is null and s.expires_at > sparekey_now())`;
