import { v7 as newId } from 'uuid';
import { requireHolder } from '../access/rules.js';
import type { Holder, Origin, Viewer } from '../access/viewer.js';
import { type Account, accountsById } from '../accounts/account.js';
import type { Batch } from '../codes/batch.js';
import { findBatch } from '../codes/read-batches.js';
import type { Keyring } from '../crypto/keyring.js';
import type { Database } from '../database.js';
import {
  AlreadyEmailedError,
  AlreadyExportedError,
  CopyUnavailableError,
  type DomainError,
  MailDisabledError,
  MailNotSentError,
  NotFoundError,
  UnauthenticatedError,
} from '../errors.js';
import { sourceOf } from '../events/event-source.js';
import { isId } from '../ids.js';
import type { Decision, Limiter } from '../limits/limiter.js';
import { emailKeyOf } from '../accounts/email.js';
import type { CodeMailId } from '../jobs/job-store.js';
import { isMailRefusal } from '../mail/mail-port.js';
import type { DomainSettings } from '../settings.js';
import { openCopy } from './code-copies.js';
import type { CodeMailing } from './code-mailing.js';
import type { CodeFile, ExportFormat, RenderCodeFile } from './code-sheet.js';
import { numbered } from './numbered.js';
import { lockUnused, markEmailed, markExported, type Own } from './use-copy.js';

export interface ExportedCodes {
  readonly batch: Batch;
  readonly file: CodeFile & { readonly name: string };
}

export interface EmailedCodes {
  readonly batch: Batch;
  /** EMAIL_SUCCESS_MESSAGE */
  readonly message: string;
}

export interface CopiesParts {
  readonly settings: DomainSettings;
  readonly keyring: Keyring;
  readonly limiter: Limiter;
  readonly mailing: CodeMailing;
  readonly render: RenderCodeFile;
}

/** How long a caller waits for the mail server. */
const INLINE_WITHIN_MS = 20_000;

/** What the session that issued codes can do with their copy: take them as a file once, and have them mailed once. */
export class Copies {
  constructor(
    private readonly db: Database,
    private readonly parts: CopiesParts,
  ) {}

  /**
   * The codes as a file, once. The batch is marked in the transaction that releases the bytes; whatever fails before it
   * uses nothing up.
   * @throws UnauthenticatedError, NotFoundError, AlreadyExportedError, CopyUnavailableError
   */
  async export(
    viewer: Viewer,
    origin: Origin,
    input: { readonly batchId: string; readonly format?: ExportFormat | null },
  ): Promise<ExportedCodes> {
    const me = requireHolder(viewer, 'ISSUE');
    const batch = await this.#ownBatch(me, input.batchId);
    if (batch.exportedAt !== null) throw new AlreadyExportedError();
    const own = ownOf(me, origin, batch.id);
    const format = input.format ?? this.parts.settings.export.format;
    const file = await this.#render(own, batch, format);
    const exported = await this.db.transaction().execute(async (tx) => {
      const isUnused = await lockUnused(tx, own, 'exported_at');
      return isUnused ? await markExported(tx, { ...own, format }) : undefined;
    });
    if (exported === undefined) throw await this.#whyNot(me, batch.id, 'exportedAt');
    return { batch: exported, file: { ...file, name: `${this.parts.settings.export.fileName}.${file.extension}` } };
  }

  /**
   * Mails the codes to the account's verified address, once: at once (MAIL_MODE=inline), or by a job. Until the mail has
   * arrived its copy is held; a mail that never arrives uses nothing up.
   * @throws UnauthenticatedError, NotFoundError, MailDisabledError, AlreadyEmailedError, CopyUnavailableError,
   *   RateLimitedError, MailNotSentError
   */
  async email(viewer: Viewer, origin: Origin, batchId: string): Promise<EmailedCodes> {
    const { mode, emailSuccessMessage: message } = this.parts.settings.mail;
    const me = requireHolder(viewer, 'ISSUE');
    await this.#ownBatch(me, batchId);
    const to = await this.#verifiedAddress(me);
    await this.parts.mailing.endOverdue(batchId);
    const mail = { ...ownOf(me, origin, batchId), mailId: newId(), isQueued: mode === 'queued' };
    const accepted = await this.#accept(mail, { recipientKey: emailKeyOf(to), network: origin.network });
    if (accepted === undefined) throw await this.#whyNot(me, batchId, 'emailedAt');
    if ('retryAt' in accepted) throw await this.parts.limiter.refusedMail(accepted, mail);
    if (mode === 'inline') await this.#sendNow(mail);
    return { batch: accepted, message };
  }

  async #ownBatch(me: Holder, batchId: string): Promise<Batch> {
    const batch = isId(batchId) ? await findBatch(this.db, batchId) : undefined;
    if (batch?.accountId !== me.ownerId) throw new NotFoundError('batch');
    return batch;
  }

  async #account(accountId: string): Promise<Account> {
    const [account] = await accountsById(this.db, [accountId]);
    if (account === undefined) throw new UnauthenticatedError();
    return account;
  }

  async #verifiedAddress(me: Holder): Promise<string> {
    if (!this.parts.settings.mail.emailCopyEnabled) {
      throw new MailDisabledError('Mailing codes is switched off here. Export them instead.');
    }
    const { email, emailVerifiedAt } = await this.#account(me.ownerId);
    if (email === null || emailVerifiedAt === null) {
      throw new MailDisabledError('This account has no verified e-mail address. Export the codes instead.');
    }
    return email;
  }

  async #render(own: Own, batch: Batch, format: ExportFormat): Promise<CodeFile> {
    const codes = batch.status === 'ACTIVE' ? await openCopy(this.db, this.parts.keyring, own) : undefined;
    if (codes === undefined) throw new CopyUnavailableError();
    const { email, externalId, id } = await this.#account(own.accountId);
    return await this.parts.render(format, {
      siteName: this.parts.settings.server.siteName,
      account: email ?? externalId ?? id,
      batchNumber: batch.number,
      issuedAt: batch.createdAt,
      expiresAt: batch.expiresAt,
      codes: numbered(codes),
    });
  }

  /** The batch, marked; or the limiter's refusal, with nothing changed; or undefined where there is nothing to mail. */
  async #accept(
    mail: Parameters<typeof markEmailed>[1],
    { recipientKey, network }: { readonly recipientKey: string; readonly network: string | undefined },
  ): Promise<Batch | Decision | undefined> {
    return await this.db.transaction().execute(async (tx) => {
      if (!(await lockUnused(tx, mail, 'emailed_at'))) return undefined;
      const decision = await this.parts.limiter.takeMail(tx, recipientKey, network);
      return decision.isAdmitted ? await markEmailed(tx, mail) : decision;
    });
  }

  async #sendNow(mail: CodeMailId): Promise<void> {
    try {
      await this.parts.mailing.attempt(mail, { isLastAttempt: true, withinMs: INLINE_WITHIN_MS });
    } catch (error) {
      throw isMailRefusal(error) ? new MailNotSentError({ cause: error }) : error;
    }
  }

  async #whyNot(me: Holder, batchId: string, use: 'exportedAt' | 'emailedAt'): Promise<DomainError> {
    if ((await this.#ownBatch(me, batchId))[use] === null) return new CopyUnavailableError();
    return use === 'exportedAt' ? new AlreadyExportedError() : new AlreadyEmailedError();
  }
}

function ownOf(me: Holder, origin: Origin, batchId: string): Own {
  const { ownerId: accountId, sessionId } = me;
  return { accountId, sessionId, batchId, source: sourceOf(me, origin) };
}
