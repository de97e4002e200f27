import { sql } from 'kysely';
import type { Database } from '../database.js';
import { type Report, reportColumns, type ReportLine, type ReportStatus } from './report.js';
import type { TaskName } from './registry.js';

export interface ReportFilter {
  readonly task?: TaskName | null | undefined;
  readonly status?: ReportStatus | null | undefined;
  readonly scheduleId?: string | null | undefined;
}

/** A slice of a list that goes by id. */
export interface IdSlice {
  readonly after: string | undefined;
  readonly limit: number;
}

export async function findReport(db: Database, id: string): Promise<Report | undefined> {
  const { rows } = await sql<Report>`select ${reportColumns('r')} from purge_reports r where r.id = ${id}`.execute(db);
  return rows[0];
}

/** Newest first. Ids grow with time, so that a page is a range of them. One more than asked for tells of a next page. */
export async function pageOfReports(
  db: Database,
  filter: ReportFilter,
  { after, limit }: IdSlice,
): Promise<readonly Report[]> {
  const { rows } = await sql<Report>`
    select ${reportColumns('r')} from purge_reports r
    where ${matches(filter)} ${after === undefined ? sql`` : sql`and r.id < ${after}::uuid`}
    order by r.id desc limit ${limit + 1}
  `.execute(db);
  return rows;
}

export async function countReports(db: Database, filter: ReportFilter): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from purge_reports r where ${matches(filter)}
  `.execute(db);
  return rows[0]?.count ?? 0;
}

function matches({ task, status, scheduleId }: ReportFilter) {
  const conditions = [
    ...(task ? [sql`r.task = ${task}`] : []),
    ...(status ? [sql`r.status = ${status}`] : []),
    ...(scheduleId ? [sql`r.schedule_id = ${scheduleId}`] : []),
  ];
  return conditions.length === 0 ? sql`true` : sql.join(conditions, sql` and `);
}

/** The newest report of each of the schedules, in their order. */
export async function newestReportsOf(
  db: Database,
  scheduleIds: readonly string[],
): Promise<readonly (Report | undefined)[]> {
  const { rows } = await sql<Report>`
    select r.* from unnest(${[...scheduleIds]}::uuid[]) wanted(id), lateral (
      select ${reportColumns('r')} from purge_reports r where r.schedule_id = wanted.id order by r.id desc limit 1
    ) r
  `.execute(db);
  const bySchedule = new Map(rows.map((row) => [row.scheduleId, row]));
  return scheduleIds.map((id) => bySchedule.get(id));
}

/** Runs that ended after the one with this cursor, in the order in which they ended. */
export async function reportsEndedAfter(
  db: Database,
  cursor: string,
  { limit, task }: { readonly limit: number; readonly task?: TaskName | null | undefined },
): Promise<readonly Report[]> {
  const { rows } = await sql<Report>`
    select ${reportColumns('r')} from purge_reports r
    where r.cursor > ${cursor}::bigint ${task ? sql`and r.task = ${task}` : sql``}
    order by r.cursor limit ${limit}
  `.execute(db);
  return rows;
}

/** The cursor of the run that ended last; 0 where none has. */
export async function latestCursor(db: Database): Promise<string> {
  const { rows } = await sql<{ cursor: string }>`
    select coalesce(max(cursor), 0)::text as cursor from purge_reports
  `.execute(db);
  return rows[0]?.cursor ?? '0';
}

/** What a run did to each batch, by the batch's id. */
export async function pageOfLines(
  db: Database,
  reportId: string,
  { after, limit }: IdSlice,
): Promise<readonly ReportLine[]> {
  const { rows } = await sql<ReportLine>`
    select batch_id, account_id, issued_count, used_count, purged_count, remaining_rows, is_batch_purged
    from purge_report_batches
    where report_id = ${reportId} ${after === undefined ? sql`` : sql`and batch_id > ${after}::uuid`}
    order by batch_id limit ${limit + 1}
  `.execute(db);
  return rows;
}

export async function countLines(db: Database, reportId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from purge_report_batches where report_id = ${reportId}
  `.execute(db);
  return rows[0]?.count ?? 0;
}
