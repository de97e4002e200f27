import { sql } from 'kysely';
import { v7 as newId } from 'uuid';
import type { Database } from '../database.js';

/** A mail as the log knows it: never its text. */
export interface LoggedMail {
  /** The same for every attempt at one mail. */
  readonly key: string;
  readonly template: string;
  readonly to: string;
  readonly from: string;
  readonly subject: string;
}

/** How an attempt at a mail ended; FAILED where it was the last one. A phrase is one of ours, never what a server said. */
export type AttemptEnding =
  | { readonly status: 'SENT'; readonly phrase?: string }
  | { readonly status: 'QUEUED' | 'FAILED'; readonly phrase: string };

/** Notes that a mail is about to be tried: one row a mail, however often. False where it was sent before. */
export async function noteAttempt(db: Database, mail: LoggedMail): Promise<boolean> {
  const { key, template, to, from, subject } = mail;
  const { rows } = await sql`
    insert into email_log as entry (id, key, template, recipient, sender, subject, status, attempts, created_at)
    values (${newId()}, ${key}, ${template}, ${to}, ${from}, ${subject}, 'QUEUED', 1, sparekey_now())
    on conflict (key) do update set attempts = entry.attempts + 1, status = 'QUEUED' where entry.status <> 'SENT'
    returning id
  `.execute(db);
  return rows.length > 0;
}

/** Notes how the attempt ended. What was sent once stays SENT. */
export async function noteAttemptEnded(db: Database, key: string, ending: AttemptEnding): Promise<void> {
  const { status, phrase = null } = ending;
  await sql`
    update email_log set status = ${status}, error = ${phrase},
      sent_at = case when ${status} = 'SENT' then sparekey_now() end
    where key = ${key} and status <> 'SENT'
  `.execute(db);
}
