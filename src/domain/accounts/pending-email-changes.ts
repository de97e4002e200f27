import { sql } from 'kysely';
import type { Keyring } from '../crypto/keyring.js';
import type { Database } from '../database.js';
import { occasionOf } from '../events/occasion.js';
import type { OutboxTopics } from '../events/outbox-topics.js';
import { raise } from '../events/raise.js';
import type { Limiter } from '../limits/limiter.js';
import { findUnconfirmed, type UnconfirmedAddress } from './email-change-requests.js';
import { silencedMail } from './silenced-mail.js';
import { issueToken } from './verification-tokens.js';

interface Parts {
  readonly keyring: Keyring;
  readonly limiter: Limiter;
}

const PURPOSE = 'EMAIL_CHANGE';

/**
 * What asking for a new address leads to at that address, done from the outbox after the answer. Repeating a message does no
 * harm.
 */
export class PendingEmailChanges {
  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {}

  /**
   * Mails the new address its link; where a verified account has it, that one is told instead. The limits of what one
   * mailbox gets hold here in silence: a refusal that was told would tell what the mailbox got before.
   */
  async offer({ requestId }: OutboxTopics['new-address-wanted']): Promise<void> {
    const wanted = await findUnconfirmed(this.db, requestId);
    if (wanted === undefined) return;
    const { accountId } = wanted;
    if (!(await this.parts.limiter.admitsMail(wanted.newEmailKey, undefined))) {
      return await raise(this.db, [silencedMail({}, { accountId })]);
    }
    await this.db.transaction().execute(async (tx) => {
      await sql`select 1 from accounts where id = ${accountId} for no key update`.execute(tx);
      const request = await findUnconfirmed(tx, requestId);
      if (request !== undefined) await this.#mail(tx, requestId, request);
    });
  }

  async #mail(
    tx: Database,
    requestId: string,
    { accountId, newEmailKey: emailKey, secondsLeft: ttlSeconds }: UnconfirmedAddress,
  ): Promise<void> {
    const { rows } = await sql<{ id: string }>`
      select id from accounts where email_key = ${emailKey} and email_verified_at is not null
    `.execute(tx);
    const holderId = rows[0]?.id;
    if (holderId !== undefined) {
      // Who wanted it, and from where, is not its owner's business.
      return await raise(tx, [], [{ topic: 'address-wanted', payload: occasionOf(holderId, {}) }]);
    }
    const sealed = await issueToken(tx, this.parts.keyring, { accountId, purpose: PURPOSE, emailKey, ttlSeconds });
    const payload = { accountId, requestId, validForSeconds: Math.floor(ttlSeconds) };
    await raise(tx, [], [{ topic: 'new-address-offered', payload, sealed }]);
  }
}
