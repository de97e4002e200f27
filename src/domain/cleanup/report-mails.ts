import { sql } from 'kysely';
import type { Database } from '../database.js';
import { isMailRefusal } from '../mail/mail-port.js';
import type { Mails } from '../mail/mails.js';
import type { DomainSettings } from '../settings.js';
import { findReport } from './read-reports.js';
import { reportOrder } from './report-order.js';

export interface ReportMailsParts {
  readonly settings: { readonly mail: Pick<DomainSettings['mail'], 'adminEmail' | 'adminName'> };
  readonly mails: Mails;
}

/** Mails reports of runs to ADMIN_EMAIL. What becomes of the mail never changes what is told of the run. */
export class ReportMails {
  constructor(
    private readonly db: Database,
    private readonly parts: ReportMailsParts,
  ) {}

  /**
   * Tries to send a report's mail if one waits. At least once: each attempt has the same Message-ID, and a mail that was
   * sent but could not be noted is sent again, unless the log of mails knows of it.
   *
   * @throws whatever kept the mail from being sent, for whoever tries again
   */
  async deliver(reportId: string, { isLastAttempt }: { readonly isLastAttempt: boolean }): Promise<void> {
    const report = await findReport(this.db, reportId);
    if (report?.emailStatus !== 'QUEUED') return;
    const { mails, settings } = this.parts;
    const { adminEmail: to, adminName } = settings.mail;
    try {
      const order = await reportOrder(this.db, report, adminName);
      await mails.send(order, { to, key: `${reportId}.${order.template}`, isLastAttempt });
    } catch (error) {
      const isFinal = isLastAttempt || (isMailRefusal(error) && error.isPermanent);
      if (isFinal) await this.#noteEnded(reportId, 'FAILED');
      throw error;
    }
    await this.#noteEnded(reportId, 'SENT');
  }

  async #noteEnded(reportId: string, status: 'SENT' | 'FAILED'): Promise<void> {
    await sql`
      update purge_reports set email_status = ${status} where id = ${reportId} and email_status <> 'SENT'
    `.execute(this.db);
  }
}
