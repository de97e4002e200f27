import { expect } from '@jest/globals';
import type { TestDatabase } from './database.js';

export interface BatchRecord {
  readonly id: string;
  readonly number: number;
  readonly status: string;
  readonly issued: number;
  readonly used: number;
  readonly invalidated: number;
  readonly removed: number;
  readonly lapsed: number;
  readonly remaining: number;
  /** How many of its codes are stored in each status. */
  readonly codes: Readonly<Record<string, number>>;
}

/** The batches of an account as they are stored, oldest first. */
export async function batchesOf({ rows }: TestDatabase, accountId: string): Promise<BatchRecord[]> {
  return await rows<BatchRecord>(
    `select id, number, status, issued_count as issued, used_count as used, invalidated_count as invalidated,
       removed_count as removed, lapsed_count as lapsed,
       issued_count - used_count - invalidated_count - removed_count - lapsed_count as remaining,
       (select jsonb_object_agg(status, n) from
         (select status, count(*) as n from recovery_codes where batch_id = b.id group by status) c) as codes
     from recovery_code_batches b where account_id = $1 order by number`,
    [accountId],
  );
}

/** Asserts what must hold of an account's batches whatever happened to them at the same time. */
export function expectConsistent(batches: readonly BatchRecord[]): void {
  expect(batches.filter(({ status }) => status === 'ACTIVE').length).toBeLessThanOrEqual(1);
  expect(batches.map(({ number }) => number)).toEqual(batches.map((_, index) => index + 1));
  for (const batch of batches) {
    const { ACTIVE = 0, USED = 0, INVALIDATED = 0, PENDING_DELETION = 0, SUPERSEDED = 0, EXPIRED = 0 } = batch.codes;
    const fromCodes = {
      used: USED,
      invalidated: INVALIDATED,
      removed: PENDING_DELETION,
      lapsed: SUPERSEDED + EXPIRED,
      remaining: ACTIVE,
      issued: ACTIVE + USED + INVALIDATED + PENDING_DELETION + SUPERSEDED + EXPIRED,
    };
    expect(batch).toMatchObject(fromCodes);
    expect(batch.status === 'ACTIVE').toBe(batch.remaining > 0);
  }
}

/** How often each action is in the audit of an account, counts of folded events included. */
export async function auditOf({ rows }: TestDatabase, accountId: string): Promise<Record<string, number>> {
  const found = await rows<{ action: string; count: number }>(
    'select action, sum(count)::int as count from audit_events where account_id = $1 group by action',
    [accountId],
  );
  return Object.fromEntries(found.map(({ action, count }) => [action, count]));
}

/** How many messages of each topic wait, or waited, in the outbox for an account. */
export async function outboxOf({ rows }: TestDatabase, accountId: string): Promise<Record<string, number>> {
  const found = await rows<{ topic: string; count: number }>(
    `select topic, count(*)::int as count from outbox where payload->>'accountId' = $1 group by topic`,
    [accountId],
  );
  return Object.fromEntries(found.map(({ topic, count }) => [topic, count]));
}
