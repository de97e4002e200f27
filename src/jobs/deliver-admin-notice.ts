import { sql } from 'kysely';
import type { Database } from '../domain/database.js';
import type { OutboxMessage } from '../domain/events/outbox.js';
import type { Mails } from '../domain/mail/mails.js';

interface NoticeParts {
  readonly db: Database;
  readonly mails: Mails;
  readonly adminEmail: string;
}

export type AdminNoticeMessage = Extract<OutboxMessage, { readonly topic: 'admin-notice' }>;

/** Mails ADMIN_EMAIL what happened, whoever did it. */
export async function deliverAdminNotice(
  { db, mails, adminEmail: to }: NoticeParts,
  { id, payload }: AdminNoticeMessage,
  { isLastAttempt }: { readonly isLastAttempt: boolean },
): Promise<void> {
  const { what, about, actorId, at, ipAddress: address, userAgent: client } = payload;
  const by = actorId === null ? null : await nameOf(db, actorId);
  const input = { origin: { at, address, client }, what, about, by };
  await mails.send({ template: 'admin-notice', input }, { to, key: `${id}.admin-notice`, isLastAttempt });
}

/** Of an account that is gone, its id is left. */
async function nameOf(db: Database, accountId: string): Promise<string> {
  const { rows } = await sql<{ email: string | null }>`select email from accounts where id = ${accountId}`.execute(db);
  return rows[0]?.email ?? accountId;
}
