import { sql } from 'kysely';
import type { Database } from '../database.js';
import { type AttemptEnding, noteAttempt, noteAttemptEnded } from '../mail/email-log.js';
import { isMailRefusal, type MailPort } from '../mail/mail-port.js';
import type { DomainSettings } from '../settings.js';
import { findReport } from './read-reports.js';
import { reportOrder } from './report-order.js';
import type { Report } from './report.js';

export interface ReportMailsParts {
  readonly settings: DomainSettings;
  readonly mail: MailPort;
}

const TEMPLATE = 'purge-report';
const NOT_SENT = 'The mail could not be sent.';

/** Mails reports of runs to ADMIN_EMAIL. What becomes of the mail never changes what is told of the run. */
export class ReportMails {
  constructor(
    private readonly db: Database,
    private readonly parts: ReportMailsParts,
  ) {}

  /**
   * Tries to send a report's mail if one waits. At least once: each attempt has the same Message-ID, and a mail that was
   * sent but could not be noted is sent again.
   *
   * @throws whatever kept the mail from being sent, for whoever tries again
   */
  async deliver(reportId: string, { isLastAttempt }: { readonly isLastAttempt: boolean }): Promise<void> {
    const report = await findReport(this.db, reportId);
    if (report?.emailStatus !== 'QUEUED') return;
    const key = `${reportId}.${TEMPLATE}`;
    try {
      await this.#attempt(report, key);
    } catch (error) {
      await this.#noteEnded(reportId, key, notSent(error, isLastAttempt));
      throw error;
    }
    await this.#noteEnded(reportId, key, { status: 'SENT' });
  }

  async #attempt(report: Report, key: string): Promise<void> {
    const { mail, settings } = this.parts;
    const { adminEmail: to, adminName, from, storeEmailLog } = settings.mail;
    const order = await reportOrder(this.db, report, adminName);
    if (storeEmailLog) {
      await noteAttempt(this.db, { key, template: TEMPLATE, to, from, subject: mail.subjectOf(order) });
    }
    await mail.send(order, { to, key });
  }

  async #noteEnded(reportId: string, key: string, ending: AttemptEnding): Promise<void> {
    await this.db.transaction().execute(async (tx) => {
      if (this.parts.settings.mail.storeEmailLog) await noteAttemptEnded(tx, key, ending);
      if (ending.status === 'QUEUED') return;
      await sql`
        update purge_reports set email_status = ${ending.status} where id = ${reportId} and email_status <> 'SENT'
      `.execute(tx);
    });
  }
}

function notSent(error: unknown, isLastAttempt: boolean): AttemptEnding {
  const refusal = isMailRefusal(error) ? error : undefined;
  const status = isLastAttempt || refusal?.isPermanent === true ? 'FAILED' : 'QUEUED';
  return { status, phrase: refusal?.message ?? NOT_SENT };
}
