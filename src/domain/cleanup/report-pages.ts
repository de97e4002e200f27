import type { Database } from '../database.js';
import { isId } from '../ids.js';
import { DEFAULT_PAGE, type Page, type PageAsked, listPagesOf, parseIdPage } from '../paging.js';
import {
  countLines,
  countReports,
  countReportsOf,
  type IdSlice,
  pagesOfLines,
  pagesOfReports,
  type ReportFilter,
} from './read-reports.js';
import type { Report, ReportLine } from './report.js';

/**
 * What hangs on many schedules or reports at once, by one statement for all that is asked alike, in the order of what is
 * asked. For those who hold the ids by right.
 */
export class ReportPages {
  constructor(private readonly db: Database) {}

  /** Newest first; a BadUserInputError in the place of what is asked wrongly. */
  async ofSchedules(asked: readonly PageAsked[]): Promise<readonly (Page<Report> | Error)[]> {
    return await pagesById(asked, (ids, slice) => pagesOfReports(this.db, ids, slice));
  }

  async newestOf(scheduleIds: readonly string[]): Promise<readonly (Report | undefined)[]> {
    const newest = await pagesOfReports(this.db, scheduleIds, { after: undefined, limit: 1 });
    return scheduleIds.map((id) => newest.get(id)?.[0]);
  }

  async count(filter: ReportFilter): Promise<number> {
    return namesNothing(filter) ? 0 : await countReports(this.db, filter);
  }

  async countsOf(scheduleIds: readonly string[]): Promise<readonly number[]> {
    const counts = await countReportsOf(this.db, scheduleIds);
    return scheduleIds.map((id) => counts.get(id) ?? 0);
  }

  /** By the batch's id; a BadUserInputError in the place of what is asked wrongly. */
  async lines(asked: readonly PageAsked[]): Promise<readonly (Page<ReportLine> | Error)[]> {
    return await pagesById(asked, (ids, slice) => pagesOfLines(this.db, ids, slice));
  }

  async lineCounts(reportIds: readonly string[]): Promise<readonly number[]> {
    const counts = await countLines(this.db, reportIds);
    return reportIds.map((id) => counts.get(id) ?? 0);
  }
}

/** A filter by something that cannot be an id. */
export function namesNothing({ scheduleId }: ReportFilter): boolean {
  return typeof scheduleId === 'string' && !isId(scheduleId);
}

type Read<T> = (ids: readonly string[], slice: IdSlice) => Promise<ReadonlyMap<string, readonly T[]>>;

async function pagesById<T>(asked: readonly PageAsked[], read: Read<T>): Promise<readonly (Page<T> | Error)[]> {
  return await listPagesOf(asked, { parse: (request) => parseIdPage(request, DEFAULT_PAGE), read });
}
