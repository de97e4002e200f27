import { type RawBuilder, sql } from 'kysely';
import type { SignInMethod } from '../access/viewer.js';
import type { Database } from '../database.js';
import { comesAfter, newestFirst, placeColumn, type TimePage, type TimePlace } from '../time-order.js';
import type { AuditAction } from './audit-actions.js';

/** One event as the audit holds it. What it names may be gone. */
export interface AuditEvent extends TimePlace {
  readonly action: AuditAction;
  readonly createdAt: Date;
  /** Null for the system or an anonymous caller. */
  readonly actorId: string | null;
  readonly accountId: string | null;
  readonly batchId: string | null;
  readonly codeId: string | null;
  readonly issuedCount: number | null;
  readonly removedCount: number | null;
  readonly reason: string | null;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly method: SignInMethod | null;
  readonly sessionId: string | null;
  readonly serviceKeyId: string | null;
  readonly count: number;
}

/** Ids are ids, or absent. */
export interface AuditFilter {
  readonly action?: AuditAction | null | undefined;
  readonly accountId?: string | null | undefined;
  readonly batchId?: string | null | undefined;
  /** Inclusive. */
  readonly since?: Date | null | undefined;
  /** Exclusive. */
  readonly until?: Date | null | undefined;
}

const eventColumns = sql<AuditEvent>`e.id, e.action, e.created_at, ${placeColumn('e')}, e.actor_id, e.account_id, e.batch_id,
  e.code_id, e.issued_count, e.removed_count, e.reason, e.ip_address, e.user_agent, e.method, e.session_id,
  e.service_key_id, e.count`;

/** Newest first. One more than asked for tells of a next page. */
export async function pageOfEvents(
  db: Database,
  filter: AuditFilter,
  { after, limit }: TimePage,
): Promise<readonly AuditEvent[]> {
  const { rows } = await sql<AuditEvent>`
    select ${eventColumns} from audit_events e where ${matches(filter)} and ${comesAfter('e', after)}
    ${newestFirst('e')} limit ${limit + 1}
  `.execute(db);
  return rows;
}

export async function countEvents(db: Database, filter: AuditFilter): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from audit_events e where ${matches(filter)}
  `.execute(db);
  return rows[0]?.count ?? 0;
}

/** A page of the events about each of the accounts, by the account's id: newest first, and one more than asked for. */
export async function pagesOfEvents(
  db: Database,
  accountIds: readonly string[],
  { after, limit }: TimePage,
): Promise<ReadonlyMap<string, readonly AuditEvent[]>> {
  const { rows } = await sql<AuditEvent & { accountId: string }>`
    select e.* from unnest(${[...accountIds]}::uuid[]) wanted(id), lateral (
      select ${eventColumns} from audit_events e where e.account_id = wanted.id and ${comesAfter('e', after)}
      ${newestFirst('e')} limit ${limit + 1}
    ) e ${newestFirst('e')}
  `.execute(db);
  return Map.groupBy(rows, ({ accountId }) => accountId);
}

/** How many events there are about each of the accounts, by the account's id; none is absent. */
export async function countEventsOf(db: Database, accountIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ accountId: string; count: number }>`
    select account_id, count(*)::int as count from audit_events
    where account_id = any(${[...accountIds]}::uuid[]) group by account_id
  `.execute(db);
  return new Map(rows.map(({ accountId, count }) => [accountId, count]));
}

function matches({ action, accountId, batchId, since, until }: AuditFilter): RawBuilder<unknown> {
  const conditions = [
    // As a literal, so that the plan goes by how rare this very action is.
    ...(action ? [sql`e.action = ${sql.lit(action)}`] : []),
    ...(accountId ? [sql`e.account_id = ${accountId}::uuid`] : []),
    ...(batchId ? [sql`e.batch_id = ${batchId}::uuid`] : []),
    ...(since ? [sql`e.created_at >= ${since}`] : []),
    ...(until ? [sql`e.created_at < ${until}`] : []),
  ];
  return conditions.length === 0 ? sql`true` : sql.join(conditions, sql` and `);
}
