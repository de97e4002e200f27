import { sql } from 'kysely';
import type { Database } from './database.js';

/** The channels on which processes hear of one another's doings: the payload is an id, and the receiver loads the row. */
export const CHANNELS = [
  'sparekey_batch_changed',
  'sparekey_purge_reported',
  'sparekey_purge_progressed',
  'sparekey_session_ended',
  'sparekey_keys_changed',
  'sparekey_issuers_changed',
  'sparekey_job_queued',
] as const;

export type Channel = (typeof CHANNELS)[number];

/** Hears what any process signals, this one included. At most once: what is said while the connection is away is lost. */
export interface Signals {
  /** False while nothing can be heard. */
  readonly isUp: boolean;
  /** Calls back with each payload; returns what ends that. */
  on(channel: Channel, heard: (payload: string) => void): () => void;
  /** Calls back each time that hearing begins again after it was lost, and with it whatever was said meanwhile. */
  onGap(missed: () => void): () => void;
}

/** For places that hear nothing, such as the command line. */
export const noSignals: Signals = { isUp: false, on: () => () => undefined, onGap: () => () => undefined };

/**
 * Tells every process. Never within a transaction that others wait for: NOTIFY serialises commits. The words that are part
 * of their transactions are those of a session's end and of new signing keys, which are rare and have to arrive at once.
 */
export async function signal(db: Database, channel: Channel, payloads: readonly string[]): Promise<void> {
  await sql`select pg_notify(${channel}, payload) from unnest(${[...payloads]}::text[]) payload`.execute(db);
}
