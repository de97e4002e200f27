import { sql } from 'kysely';
import type { Keyring } from '../crypto/keyring.js';
import type { Database } from '../database.js';
import { sourceAt } from '../events/event-source.js';
import type { OutboxTopics } from '../events/outbox-topics.js';
import { raise } from '../events/raise.js';
import type { Limiter } from '../limits/limiter.js';
import { emailKeyOf } from './email.js';
import { silencedMail } from './silenced-mail.js';
import { issueToken, voidTokens } from './verification-tokens.js';

interface Parts {
  readonly keyring: Keyring;
  readonly limiter: Limiter;
  readonly passwordResetTtlSeconds: number;
}

const PURPOSE = 'PASSWORD_RESET';

/** What asking for a new password leads to, done from the outbox after the answer. Repeating a message does no harm. */
export class PendingPasswordResets {
  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {}

  /**
   * Mails a link to an address that has an account, verified or not, within the mail limits; nothing to any other. The link
   * mailed last is the one that counts.
   */
  async mail({ email, network, ...place }: OutboxTopics['password-reset-wanted']): Promise<void> {
    const { keyring, limiter, passwordResetTtlSeconds: ttlSeconds } = this.parts;
    const emailKey = emailKeyOf(email);
    const from = sourceAt(place);
    if (!(await limiter.admitsMail(emailKey, network ?? undefined))) {
      return await raise(this.db, [silencedMail(from, { network })]);
    }
    await this.db.transaction().execute(async (tx) => {
      const { rows } = await sql<{ id: string }>`
        select id from accounts where email_key = ${emailKey} and origin = 'LOCAL' for no key update
      `.execute(tx);
      const accountId = rows[0]?.id;
      if (accountId === undefined) return;
      await voidTokens(tx, accountId, PURPOSE);
      const sealed = await issueToken(tx, keyring, { accountId, purpose: PURPOSE, emailKey, ttlSeconds });
      const payload = { accountId, validForSeconds: ttlSeconds };
      const event = { ...from, action: 'PASSWORD_RESET_REQUESTED' as const, accountId };
      await raise(tx, [event], [{ topic: 'password-reset-requested', payload, sealed }]);
    });
  }
}
