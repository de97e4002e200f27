import { requireAdmin } from '../access/rules.js';
import type { Viewer } from '../access/viewer.js';
import type { Database } from '../database.js';
import { BadUserInputError } from '../errors.js';
import { isId } from '../ids.js';
import { DEFAULT_PAGE, type ForwardRequest, type Page, listPagesOf, type PageAsked, pageOf } from '../paging.js';
import { parseTimePage } from '../time-order.js';
import {
  type AuditEvent,
  type AuditFilter,
  countEvents,
  countEventsOf,
  pageOfEvents,
  pagesOfEvents,
} from './read-audit.js';

/** What is remembered of who did what: all of it for admins, what concerns an account for its reader. */
export class AuditLog {
  constructor(private readonly db: Database) {}

  /** Newest first. Admin. @throws BadUserInputError */
  async page(viewer: Viewer, filter: AuditFilter, request: ForwardRequest): Promise<Page<AuditEvent>> {
    requireAdmin(viewer);
    requireOrder(filter);
    const slice = parseTimePage(request, DEFAULT_PAGE);
    const found = namesNothing(filter) ? [] : await pageOfEvents(this.db, filter, slice);
    return pageOf(found, slice.limit);
  }

  /** Admin. */
  async count(viewer: Viewer, filter: AuditFilter): Promise<number> {
    requireAdmin(viewer);
    return namesNothing(filter) ? 0 : await countEvents(this.db, filter);
  }

  /**
   * What concerns each of the accounts, newest first; a BadUserInputError in the place of what is asked wrongly. For those
   * who hold the ids by right.
   */
  async ofAccounts(asked: readonly PageAsked[]): Promise<readonly (Page<AuditEvent> | Error)[]> {
    return await listPagesOf(asked, {
      parse: (request) => parseTimePage(request, DEFAULT_PAGE),
      read: (ids, slice) => pagesOfEvents(this.db, ids, slice),
    });
  }

  /** For those who hold the ids by right. */
  async countsOf(accountIds: readonly string[]): Promise<readonly number[]> {
    const counts = await countEventsOf(this.db, accountIds);
    return accountIds.map((id) => counts.get(id) ?? 0);
  }
}

function requireOrder({ since, until }: AuditFilter): void {
  if (since && until && since > until)
    throw new BadUserInputError('filter.since', 'Give a time that is not after until.');
}

/** A filter by something that cannot be an id. */
function namesNothing({ accountId, batchId }: AuditFilter): boolean {
  return [accountId, batchId].some((id) => typeof id === 'string' && !isId(id));
}
