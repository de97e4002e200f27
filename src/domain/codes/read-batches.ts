import { sql } from 'kysely';
import type { Database } from '../database.js';
import { type Batch, type BatchRow, type Code, toBatch } from './batch.js';
import { batchColumns } from './batch-columns.js';

/** A slice of the history, newest first. */
export interface BatchSlice {
  /** Only batches older than this number. */
  readonly after?: number | undefined;
  /** Only batches newer than this number. */
  readonly before?: number | undefined;
  readonly limit: number;
  /** From the oldest end of the slice instead of from the newest. */
  readonly isFromEnd: boolean;
}

export interface BatchPage {
  readonly batches: readonly Batch[];
  readonly totalCount: number;
  /** Whether there is a newer visible batch than the page's first, or an older one than its last. */
  readonly hasNewer: boolean;
  readonly hasOlder: boolean;
}

export async function findBatch(db: Database, batchId: string): Promise<Batch | undefined> {
  const { rows } = await sql<BatchRow>`
    select ${batchColumns('b')} from recovery_code_batches b where b.id = ${batchId}
  `.execute(db);
  return rows[0] && toBatch(rows[0]);
}

const isActive = sql`b.status = 'ACTIVE' and (b.expires_at is null or b.expires_at > sparekey_now())`;

/** The batch whose codes still work. */
export async function findActiveBatch(db: Database, accountId: string): Promise<Batch | undefined> {
  const { rows } = await sql<BatchRow>`
    select ${batchColumns('b')} from recovery_code_batches b where b.account_id = ${accountId} and ${isActive}
  `.execute(db);
  return rows[0] && toBatch(rows[0]);
}

/** The batches whose codes still work of any of the accounts. */
export async function activeBatchesOf(db: Database, accountIds: readonly string[]): Promise<readonly Batch[]> {
  const { rows } = await sql<BatchRow>`
    select ${batchColumns('b')} from recovery_code_batches b
    where b.account_id = any(${[...accountIds]}::uuid[]) and ${isActive}
  `.execute(db);
  return rows.map(toBatch);
}

/** Those of the batches that belong to one of the accounts. */
export async function batchesOfAccounts(
  db: Database,
  ids: readonly string[],
  accountIds: readonly string[],
): Promise<readonly Batch[]> {
  const { rows } = await sql<BatchRow>`
    select ${batchColumns('b')} from recovery_code_batches b
    where b.id = any(${[...ids]}::uuid[]) and b.account_id = any(${[...accountIds]}::uuid[])
  `.execute(db);
  return rows.map(toBatch);
}

const MAX_NUMBER = 2_147_483_647;

interface PageRow extends BatchRow {
  readonly askedFor: string;
  readonly totalCount: number;
  readonly newest: number;
  readonly oldest: number;
}

/** One page of the newest `maxVisible` batches of each of the accounts, in one statement. */
export async function pagesOfBatches(
  db: Database,
  accountIds: readonly string[],
  slice: BatchSlice & { readonly maxVisible: number },
): Promise<(accountId: string) => BatchPage> {
  const byAccount = Map.groupBy(await pageRows(db, accountIds, slice), ({ askedFor }) => askedFor);
  return (accountId) => pageIn(byAccount.get(accountId) ?? []);
}

function pageIn(rows: readonly PageRow[]): BatchPage {
  const batches = rows.filter((row) => row.id !== null).map((row) => toBatch(row));
  batches.sort((a, b) => b.number - a.number);
  const { totalCount = 0, newest = 0, oldest = 0 } = rows[0] ?? {};
  const [first, last] = [batches[0], batches.at(-1)];
  return {
    batches,
    totalCount,
    hasNewer: first !== undefined && newest > first.number,
    hasOlder: last !== undefined && oldest < last.number,
  };
}

/** At least one row of each account: without a batch in it, where the page is empty. */
async function pageRows(
  db: Database,
  accountIds: readonly string[],
  { after, before, limit, isFromEnd, maxVisible }: BatchSlice & { readonly maxVisible: number },
): Promise<readonly PageRow[]> {
  const { rows } = await sql<PageRow>`
    select v.*, total.*, wanted.id as asked_for from unnest(${[...accountIds]}::uuid[]) wanted(id), lateral (
      select count(*)::int as total_count, max(number) as newest, min(number) as oldest from (
        select number from recovery_code_batches where account_id = wanted.id order by number desc limit ${maxVisible}
      ) visible
    ) total left join lateral (
      select ${batchColumns('b')} from recovery_code_batches b
      where b.account_id = wanted.id and b.number >= total.oldest
        and b.number < ${after ?? MAX_NUMBER} and b.number > ${before ?? 0}
      order by b.number * case when ${isFromEnd}::boolean then 1 else -1 end
      limit ${limit}
    ) v on true
  `.execute(db);
  return rows;
}

/** The codes of each of the batches, in their order on paper, without plaintext and without hash. */
export async function codesOfBatches(db: Database, batchIds: readonly string[]): Promise<readonly (readonly Code[])[]> {
  const { rows } = await sql<Code & { batchId: string }>`
    select code.id, code.batch_id, code.position, code.used_at, code.invalidated_at, code.deleted_at,
      case when code.status = 'ACTIVE' and code.expires_at <= sparekey_now() then 'EXPIRED' else code.status end as status
    from recovery_codes code where code.batch_id = any(${[...batchIds]}::uuid[]) order by code.position
  `.execute(db);
  const byBatch = Map.groupBy(rows, (row) => row.batchId);
  return batchIds.map((id) => byBatch.get(id) ?? []);
}
