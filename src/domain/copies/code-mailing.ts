import type { Keyring } from '../crypto/keyring.js';
import type { Database } from '../database.js';
import type { CodeMailId } from '../jobs/job-store.js';
import { isMailRefusal, type MailOrder } from '../mail/mail-port.js';
import type { Mails } from '../mail/mails.js';
import { openHeldCopy } from './code-copies.js';
import { type CodeMail, endOverdue, endSent, endUnsent, releaseCodeMail, takeCodeMail } from './code-mails.js';
import { numbered } from './numbered.js';

export interface Attempt {
  readonly isLastAttempt: boolean;
  /** Where somebody waits for it. */
  readonly withinMs?: number;
}

/** Somebody else tries to send the same mail, or did when the process died. */
export class BeingSentError extends Error {
  override readonly message = 'Another attempt at this mail is under way.';
}

/** Sends mails of codes that were accepted. Their jobs carry ids only; the plaintext is opened for the attempt alone. */
export class CodeMailing {
  constructor(
    private readonly db: Database,
    private readonly parts: { readonly keyring: Keyring; readonly mails: Mails },
  ) {}

  /**
   * One attempt at a mail, if it is still to be sent. A lost answer after the whole mail has gone out counts as delivered,
   * so that the codes arrive once; a final failure gives the copy back.
   *
   * @throws whatever kept the mail from being sent, for whoever tries again
   */
  async attempt(id: CodeMailId, attempt: Attempt): Promise<void> {
    const taken = await takeCodeMail(this.db, id);
    if (taken.kind === 'over') return;
    if (taken.kind === 'tried') throw new BeingSentError();
    if (await this.#send(taken.mail, attempt)) await endSent(this.db, id);
  }

  /** Gives back what a mail holds, of one batch or of any, that got no answer within its time. */
  async endOverdue(batchId?: string): Promise<void> {
    for (const { mailId } of await endOverdue(this.db, batchId)) await this.parts.mails.noteOverdue(keyOf(mailId));
  }

  /** False where there is nothing to send any more. */
  async #send(mail: CodeMail, attempt: Attempt): Promise<boolean> {
    const key = keyOf(mail.mailId);
    try {
      const order = await this.#orderOf(mail);
      if (order === undefined) await endUnsent(this.db, mail, 'COPY_GONE');
      else await this.parts.mails.send(order.mail, { to: order.to, key, ...attempt, isLostAnswerDelivery: true });
      return order !== undefined;
    } catch (error) {
      const isFinal = attempt.isLastAttempt || (isMailRefusal(error) && error.isPermanent);
      await (isFinal ? endUnsent(this.db, mail, 'MAIL_FAILED') : releaseCodeMail(this.db, mail));
      throw error;
    }
  }

  async #orderOf(mail: CodeMail): Promise<{ readonly to: string; readonly mail: MailOrder } | undefined> {
    const codes = await openHeldCopy(this.db, this.parts.keyring, mail);
    const { to, batchNumber, issuedAt, expiresAt } = mail;
    if (codes === undefined || to === null) return undefined;
    const input = { account: to, batchNumber, issuedAt, expiresAt, codes: numbered(codes) };
    return { to, mail: { template: 'recovery-codes', input } };
  }
}

function keyOf(mailId: string): string {
  return `${mailId}.recovery-codes`;
}
