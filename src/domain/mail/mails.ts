import type { Database } from '../database.js';
import { isDatabaseAway } from '../database-away.js';
import type { DomainSettings } from '../settings.js';
import { type AttemptEnding, noteAttempt, noteAttemptEnded } from './email-log.js';
import { isMailRefusal, type MailDelivery, type MailOrder, type MailPort } from './mail-port.js';

export interface MailAttempt extends MailDelivery {
  /** Nobody tries again where this one fails. */
  readonly isLastAttempt: boolean;
  /** For mails that must not come twice: one that went out as a whole counts as sent, though its answer was lost. */
  readonly isLostAnswerDelivery?: boolean;
}

export interface MailsParts {
  readonly mail: MailPort;
  readonly settings: { readonly mail: Pick<DomainSettings['mail'], 'from' | 'storeEmailLog'> };
  /** Told of a log that could not be written, which keeps no mail. */
  readonly onLogFault: (error: unknown) => void;
}

const NOT_SENT = 'The mail could not be sent.';
const OVERDUE = 'The mail got no final answer in time.';

/** Every mail goes through here: it is sent, and logged where the settings say so. */
export class Mails {
  constructor(
    private readonly db: Database,
    private readonly parts: MailsParts,
  ) {}

  /**
   * Tries to send a mail, unless the log says that it was sent under this key before. The log is written ahead of the
   * attempt, which waits where the database is away: nobody could note that the mail was sent, and it would be sent
   * again. Any other trouble with the log keeps no mail, and none is sent again for it.
   *
   * @throws whatever kept the mail from being sent, for whoever tries again: a MailRefusal, or a database that is away
   */
  async send(order: MailOrder, attempt: MailAttempt): Promise<void> {
    if (!(await this.#isWanted(order, attempt))) return;
    let ending: AttemptEnding = { status: 'SENT' };
    try {
      await this.parts.mail.send(order, attempt);
    } catch (error) {
      ending = endingOf(error, attempt);
      if (ending.status !== 'SENT') throw error;
    } finally {
      await this.#noteEnded(attempt.key, ending);
    }
  }

  /** Notes that nobody tries to send this mail any more. */
  async noteOverdue(key: string): Promise<void> {
    await this.#noteEnded(key, { status: 'FAILED', phrase: OVERDUE });
  }

  async #isWanted(order: MailOrder, { to, key }: MailAttempt): Promise<boolean> {
    const { from, storeEmailLog } = this.parts.settings.mail;
    if (!storeEmailLog) return true;
    const { template } = order;
    try {
      return await noteAttempt(this.db, { key, template, to, from, subject: this.parts.mail.subjectOf(order) });
    } catch (error) {
      if (isDatabaseAway(error)) throw error;
      this.parts.onLogFault(error);
      return true;
    }
  }

  /** Never fails: the mail is out, or its refusal is what counts. */
  async #noteEnded(key: string, ending: AttemptEnding): Promise<void> {
    if (!this.parts.settings.mail.storeEmailLog) return;
    try {
      await noteAttemptEnded(this.db, key, ending);
    } catch (error) {
      this.parts.onLogFault(error);
    }
  }
}

function endingOf(error: unknown, { isLastAttempt, isLostAnswerDelivery = false }: MailAttempt): AttemptEnding {
  if (!isMailRefusal(error)) return { status: isLastAttempt ? 'FAILED' : 'QUEUED', phrase: NOT_SENT };
  const { message: phrase, isPermanent, mayHaveArrived } = error;
  if (isLostAnswerDelivery && mayHaveArrived) return { status: 'SENT', phrase };
  return { status: isLastAttempt || isPermanent ? 'FAILED' : 'QUEUED', phrase };
}
