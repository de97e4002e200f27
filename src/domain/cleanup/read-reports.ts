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

/** How many reports each of the schedules has, by the schedule's id; none is absent. */
export async function countReportsOf(
  db: Database,
  scheduleIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ scheduleId: string; count: number }>`
    select schedule_id, count(*)::int as count from purge_reports
    where schedule_id = any(${[...scheduleIds]}::uuid[]) group by schedule_id
  `.execute(db);
  return new Map(rows.map(({ scheduleId, count }) => [scheduleId, count]));
}

function matches({ task, status, scheduleId }: ReportFilter) {
  const conditions = [
    ...(task ? [sql`r.task = ${task}`] : []),
    ...(status ? [sql`r.status = ${status}`] : []),
    ...(scheduleId ? [sql`r.schedule_id = ${scheduleId}`] : []),
  ];
  return conditions.length === 0 ? sql`true` : sql.join(conditions, sql` and `);
}

/** A page of the reports of each of the schedules, by the schedule's id: newest first, and one more than asked for. */
export async function pagesOfReports(
  db: Database,
  scheduleIds: readonly string[],
  { after, limit }: IdSlice,
): Promise<ReadonlyMap<string, readonly Report[]>> {
  const { rows } = await sql<Report & { scheduleId: string }>`
    select r.* from unnest(${[...scheduleIds]}::uuid[]) wanted(id), lateral (
      select ${reportColumns('r')} from purge_reports r
      where r.schedule_id = wanted.id ${after === undefined ? sql`` : sql`and r.id < ${after}::uuid`}
      order by r.id desc limit ${limit + 1}
    ) r order by r.id desc
  `.execute(db);
  return Map.groupBy(rows, ({ scheduleId }) => scheduleId);
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

/** What a run did to each batch, by the batch's id; one more than asked for. */
export async function pageOfLines(db: Database, reportId: string, slice: IdSlice): Promise<readonly ReportLine[]> {
  return (await pagesOfLines(db, [reportId], slice)).get(reportId) ?? [];
}

/** The same of each of the runs, by the report's id. */
export async function pagesOfLines(
  db: Database,
  reportIds: readonly string[],
  { after, limit }: IdSlice,
): Promise<ReadonlyMap<string, readonly ReportLine[]>> {
  const { rows } = await sql<ReportLine & { reportId: string }>`
    select line.* from unnest(${[...reportIds]}::uuid[]) wanted(id), lateral (
      select report_id, batch_id, account_id, issued_count, used_count, purged_count, remaining_rows, is_batch_purged
      from purge_report_batches
      where report_id = wanted.id ${after === undefined ? sql`` : sql`and batch_id > ${after}::uuid`}
      order by batch_id limit ${limit + 1}
    ) line order by line.batch_id
  `.execute(db);
  return Map.groupBy(rows, ({ reportId }) => reportId);
}

/** How many batches each of the runs did something to, by the report's id; none is absent. */
export async function countLines(db: Database, reportIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ reportId: string; count: number }>`
    select report_id, count(*)::int as count from purge_report_batches
    where report_id = any(${[...reportIds]}::uuid[]) group by report_id
  `.execute(db);
  return new Map(rows.map(({ reportId, count }) => [reportId, count]));
}
