import { sql } from 'kysely';
import { requireAdmin } from '../access/rules.js';
import type { Viewer } from '../access/viewer.js';
import type { Database } from '../database.js';
import { DEFAULT_PAGE, type ForwardRequest, type Page, pageOf } from '../paging.js';
import { comesAfter, newestFirst, parseTimePage, placeColumn, type TimePlace } from '../time-order.js';

/** One mail and what became of it; its template is named, its text is nowhere. */
export interface EmailLogEntry extends TimePlace {
  readonly template: string;
  readonly to: string;
  readonly from: string;
  readonly subject: string;
  readonly status: 'QUEUED' | 'SENT' | 'FAILED';
  readonly attempts: number;
  /** A fixed phrase. */
  readonly error: string | null;
  readonly createdAt: Date;
  readonly sentAt: Date | null;
}

/** What was mailed, as far as STORE_EMAIL_LOG has it remembered. For admins. */
export class EmailLog {
  constructor(private readonly db: Database) {}

  /** Newest first. Admin. @throws BadUserInputError */
  async page(viewer: Viewer, request: ForwardRequest): Promise<Page<EmailLogEntry>> {
    requireAdmin(viewer);
    const { after, limit } = parseTimePage(request, DEFAULT_PAGE);
    const { rows } = await sql<EmailLogEntry>`
      select m.id, m.template, m.recipient as "to", m.sender as "from", m.subject, m.status, m.attempts, m.error,
        m.created_at, m.sent_at, ${placeColumn('m')}
      from email_log m where ${comesAfter('m', after)} ${newestFirst('m')} limit ${limit + 1}
    `.execute(this.db);
    return pageOf(rows, limit);
  }

  /** Admin. */
  async count(viewer: Viewer): Promise<number> {
    requireAdmin(viewer);
    const { rows } = await sql<{ count: number }>`select count(*)::int as count from email_log`.execute(this.db);
    return rows[0]?.count ?? 0;
  }
}
