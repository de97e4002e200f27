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

/** How an attempt at a mail ended; FAILED where it was the last one. */
export type AttemptEnding =
  { readonly status: 'SENT' } | { readonly status: 'QUEUED' | 'FAILED'; readonly phrase: string };

/** Notes that a mail is about to be tried: one row a mail, however often. What was sent once stays SENT. */
export async function noteAttempt(db: Database, { key, template, to, from, subject }: LoggedMail): Promise<void> {
  await sql`
    insert into email_log as entry (id, key, template, recipient, sender, subject, status, attempts, created_at)
    values (${newId()}, ${key}, ${template}, ${to}, ${from}, ${subject}, 'QUEUED', 1, sparekey_now())
    on conflict (key) do update set attempts = entry.attempts + 1,
      status = case when entry.status = 'SENT' then 'SENT' else 'QUEUED' end
  `.execute(db);
}

/** Notes how the attempt ended; a phrase is one of ours, never what a server said. */
export async function noteAttemptEnded(db: Database, key: string, ending: AttemptEnding): Promise<void> {
  if (ending.status === 'SENT') {
    await sql`
      update email_log set status = 'SENT', error = null, sent_at = coalesce(sent_at, sparekey_now())
      where key = ${key}
    `.execute(db);
    return;
  }
  await sql`
    update email_log set status = ${ending.status}, error = ${ending.phrase} where key = ${key} and status <> 'SENT'
  `.execute(db);
}
