import { type RawBuilder, sql } from 'kysely';
import { v7 as newId } from 'uuid';
import type { Keyring } from '../crypto/keyring.js';
import { newSecretToken } from '../crypto/secret-token.js';
import type { Database } from '../database.js';
import { sourceAt } from '../events/event-source.js';
import { occasionOf } from '../events/occasion.js';
import type { OutboxTopics } from '../events/outbox-topics.js';
import { type EventDraft, raise } from '../events/raise.js';
import type { Limiter } from '../limits/limiter.js';
import { emailKeyOf, parseEmail } from './email.js';
import { silencedMail } from './silenced-mail.js';
import { issueToken } from './verification-tokens.js';

interface Parts {
  readonly keyring: Keyring;
  readonly limiter: Limiter;
  readonly emailVerificationTtlSeconds: number;
}

interface Account {
  readonly id: string;
  readonly isVerified: boolean;
}

/** An address that waits for its verification. The password is there while one alone was registered. */
interface Waiting {
  readonly accountId: string;
  readonly emailKey: string;
  readonly passwordHash: string | null;
}

const PURPOSE = 'EMAIL_VERIFICATION';
/** More than one is contested already. */
const CONTESTED = 2;

/**
 * What registering leads to, done from the outbox after the answer, so that the answer is the same work for every address.
 * Repeating a message does no harm.
 */
export class PendingRegistrations {
  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {}

  /**
   * Makes the account where there is none, and mails the link whose token holds the password; an account that is verified
   * is told instead. Without a password hash (the mail limits refused) nothing is mailed, but a pending account is
   * contested from there on: its address alone no longer proves which password was meant.
   */
  async register(request: OutboxTopics['registration-requested'], passwordHash: string | undefined): Promise<void> {
    const email = parseEmail(request.email);
    if (passwordHash === undefined) return await this.#contest(email.key);
    await this.db.transaction().execute(async (tx) => {
      const { rows } = await sql<Account>`
        insert into accounts (id, email, email_key) values (${newId()}, ${email.address}, ${email.key})
        on conflict (email_key) do update set email_key = excluded.email_key
        returning id, email_verified_at is not null as is_verified
      `.execute(tx);
      const { id: accountId, isVerified } = rows[0] as Account;
      const from = sourceAt(request);
      if (isVerified) {
        await raise(tx, [], [{ topic: 'registered-again', payload: occasionOf(accountId, from) }]);
        return;
      }
      const event: EventDraft = { ...from, action: 'ACCOUNT_REGISTERED', accountId };
      await this.#mailToken(tx, { accountId, emailKey: email.key, passwordHash, events: [event] });
    });
  }

  /**
   * Mails a new link to an address that waits for its verification, within the mail limits; nothing to any other. The new
   * token takes the password over only while one alone was registered, or asking again would keep a stranger's alive.
   */
  async renew({ email, network, ...place }: OutboxTopics['verification-wanted']): Promise<void> {
    const emailKey = emailKeyOf(email);
    if (!(await this.parts.limiter.admitsMail(emailKey, network ?? undefined))) {
      return await raise(this.db, [silencedMail(sourceAt(place), { network })]);
    }
    await this.db.transaction().execute(async (tx) => {
      const waiting = await lockWaiting(tx, sql`a.email_key = ${emailKey}`);
      if (waiting !== undefined) await this.#mailToken(tx, { ...waiting, events: [] });
    });
  }

  /** Mails a link, and until when it is of use, to an address that still waits for its verification. */
  async remind({ accountId, endsAt }: OutboxTopics['registration-expiring']): Promise<void> {
    await this.db.transaction().execute(async (tx) => {
      const waiting = await lockWaiting(tx, sql`a.id = ${accountId}`);
      if (waiting !== undefined) await this.#mailToken(tx, { ...waiting, events: [], endsAt });
    });
  }

  /** A token that nobody knows, with no password: it counts as a registration of its own. */
  async #contest(emailKey: string): Promise<void> {
    await sql`
      insert into verification_tokens (id, account_id, purpose, email_key, token_hash, expires_at)
      select ${newId()}::uuid, a.id, ${PURPOSE}, a.email_key, sha256(convert_to(${newSecretToken()}, 'UTF8')),
        sparekey_now() + make_interval(secs => ${this.parts.emailVerificationTtlSeconds})
      from accounts a
      where a.email_key = ${emailKey} and a.origin = 'LOCAL' and a.email_verified_at is null and ${CONTESTED} > (
        select count(distinct coalesce(t.password_hash, t.id::text)) from verification_tokens t
        where t.account_id = a.id and t.purpose = ${PURPOSE} and t.expires_at > sparekey_now())
    `.execute(this.db);
  }

  async #mailToken(
    tx: Database,
    of: Waiting & { readonly events: readonly EventDraft[]; readonly endsAt?: string },
  ): Promise<void> {
    const { emailVerificationTtlSeconds: ttlSeconds, keyring } = this.parts;
    const { accountId, emailKey, passwordHash, endsAt } = of;
    const token = { accountId, purpose: PURPOSE, emailKey, passwordHash, ttlSeconds } as const;
    const sealed = await issueToken(tx, keyring, token);
    const link = { accountId, validForSeconds: ttlSeconds };
    await raise(tx, of.events, [
      endsAt === undefined
        ? { topic: 'email-verification-requested', payload: link, sealed }
        : { topic: 'registration-reminded', payload: { ...link, endsAt }, sealed },
    ]);
  }
}

async function lockWaiting(tx: Database, which: RawBuilder<unknown>): Promise<Waiting | undefined> {
  const { rows } = await sql<Waiting>`
    select a.id as account_id, a.email_key, (
      select case when count(distinct coalesce(t.password_hash, t.id::text)) = 1 then max(t.password_hash) end
      from verification_tokens t
      where t.account_id = a.id and t.purpose = ${PURPOSE} and t.used_at is null and t.expires_at > sparekey_now()
    ) as password_hash
    from accounts a where ${which} and a.origin = 'LOCAL' and a.email_verified_at is null
    for no key update
  `.execute(tx);
  return rows[0];
}
