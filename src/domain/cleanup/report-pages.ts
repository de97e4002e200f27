import type { Database } from '../database.js';
import { isId } from '../ids.js';
import { parseIdPage, type PageRequest } from '../paging.js';
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

/** A page of a list that goes by id, and whether there is more behind it. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly hasMore: boolean;
}

/** Which page of what: of a schedule's reports, or of a report's lines. */
export interface PageAsked {
  readonly id: string;
  readonly request: Pick<PageRequest, 'first' | 'after'>;
}

export const DEFAULT_PAGE = 20;

/**
 * What hangs on many schedules or reports at once, by one statement for all that is asked alike, in the order of what is
 * asked. For those who hold the ids by right.
 */
export class ReportPages {
  constructor(private readonly db: Database) {}

  /** Newest first; a BadUserInputError in the place of what is asked wrongly. */
  async ofSchedules(asked: readonly PageAsked[]): Promise<readonly (Page<Report> | Error)[]> {
    return await pagesOf(asked, (ids, slice) => pagesOfReports(this.db, ids, slice));
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
    return await pagesOf(asked, (ids, slice) => pagesOfLines(this.db, ids, slice));
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

export function pageOf<T>(found: readonly T[], limit: number): Page<T> {
  return { items: found.slice(0, limit), hasMore: found.length > limit };
}

type Read<T> = (ids: readonly string[], slice: IdSlice) => Promise<ReadonlyMap<string, readonly T[]>>;

async function pagesOf<T>(asked: readonly PageAsked[], read: Read<T>): Promise<readonly (Page<T> | Error)[]> {
  const pages = new Map<PageAsked, Page<T> | Error>();
  for (const alike of Map.groupBy(asked, ({ request: { first, after } }) => `${first} ${after}`).values()) {
    const found = await pagesAlike(alike, read);
    for (const one of alike) pages.set(one, found(one.id));
  }
  return asked.map((one) => pages.get(one) as Page<T> | Error);
}

async function pagesAlike<T>(alike: readonly PageAsked[], read: Read<T>): Promise<(id: string) => Page<T> | Error> {
  const slice = sliceOf(alike[0]?.request ?? {});
  if (slice instanceof Error) return () => slice;
  const found = await read([...new Set(alike.map(({ id }) => id))], slice);
  return (id) => pageOf(found.get(id) ?? [], slice.limit);
}

function sliceOf(request: PageAsked['request']): IdSlice | Error {
  try {
    return parseIdPage(request, DEFAULT_PAGE);
  } catch (error) {
    return error as Error;
  }
}
