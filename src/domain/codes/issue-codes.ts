import { sql } from 'kysely';
import { v7 as newId } from 'uuid';
import { isLiveSession } from '../accounts/live-session-condition.js';
import type { Database } from '../database.js';
import { UnauthenticatedError } from '../errors.js';
import type { EventSource } from '../events/event-source.js';
import { raise } from '../events/raise.js';
import { type Batch, type BatchRow, toBatch } from './batch.js';
import { batchColumns, codesLeft } from './batch-columns.js';
import type { CodeHashing } from './code-hash.js';

export interface NewBatch {
  readonly accountId: string;
  readonly hashing: CodeHashing;
  /** In the order of their positions. */
  readonly hashes: readonly Buffer[];
  readonly expiresInDays: number | null;
  readonly source: EventSource;
}

/**
 * Puts a new batch in the place of the active one, in the given transaction. Lock order: account, batch, code. A batch
 * that has expired meanwhile is stored as EXPIRED, never as SUPERSEDED; used and invalidated codes keep their status.
 */
export async function issueBatch(tx: Database, batch: NewBatch): Promise<Batch> {
  await lockOwner(tx, batch);
  const closed = await closeActiveBatch(tx, batch.accountId);
  const issued = await insertBatch(tx, batch);
  const about = { ...batch.source, accountId: batch.accountId };
  const { id: batchId, issuedCount } = issued;
  await raise(
    tx,
    [
      ...(closed?.status === 'SUPERSEDED'
        ? [{ ...about, action: 'BATCH_SUPERSEDED' as const, batchId: closed.id }]
        : []),
      { ...about, action: 'CODES_GENERATED', batchId, issuedCount, isReplacement: closed !== undefined },
    ],
    closed === undefined
      ? []
      : [{ topic: 'batch-changed', payload: { accountId: batch.accountId, batchId: closed.id } }],
  );
  return issued;
}

/** The session must be there still, so that no copy is left to one that has ended. @throws UnauthenticatedError */
async function lockOwner(tx: Database, { accountId, source }: NewBatch): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    with owner as materialized (select id from accounts where id = ${accountId} for no key update)
    select s.id from sessions s, owner
    where s.account_id = owner.id and s.id = ${source.sessionId ?? null} and ${isLiveSession}
    for share of s
  `.execute(tx);
  if (rows.length === 0) throw new UnauthenticatedError();
}

/** Ends the active batch, and wipes what is left of plaintext of it and of batches before it. */
async function closeActiveBatch(tx: Database, accountId: string): Promise<{ id: string; status: string } | undefined> {
  const { rows } = await sql<{ id: string; status: string }>`
    with active as materialized (
      select id, coalesce(expires_at <= sparekey_now(), false) as is_expired from recovery_code_batches
      where account_id = ${accountId} and status = 'ACTIVE' for no key update
    ), closed as (
      update recovery_code_batches b set status = case when active.is_expired then 'EXPIRED' else 'SUPERSEDED' end,
        lapsed_count = b.lapsed_count + ${codesLeft('b')}, updated_at = sparekey_now()
      from active where b.id = active.id returning b.id, b.status
    ), lapsed as (
      update recovery_codes code set status = closed.status,
        superseded_at = case when closed.status = 'SUPERSEDED' then sparekey_now() end
      from closed where code.batch_id = closed.id and code.status = 'ACTIVE'
    ), wiped as (
      delete from code_copies where batch_id in (select id from recovery_code_batches where account_id = ${accountId})
    )
    select id, status from closed
  `.execute(tx);
  return rows[0];
}

async function insertBatch(tx: Database, { accountId, hashing, hashes, expiresInDays }: NewBatch): Promise<Batch> {
  const { rows } = await sql<BatchRow>`
    with batch as (
      insert into recovery_code_batches
        (id, account_id, number, issued_count, expires_at, salt, pepper_key_id, hash_memory_kib, hash_passes)
      values (${newId()}, ${accountId},
        (select coalesce(max(number), 0) + 1 from recovery_code_batches where account_id = ${accountId}),
        ${hashes.length}, sparekey_now() + ${expiresInDays}::int * interval '24 hours',
        ${hashing.salt}, ${hashing.pepperKeyId}, ${hashing.memoryKib}, ${hashing.passes})
      returning *
    ), codes as (
      insert into recovery_codes (id, batch_id, position, hash, expires_at)
      select code.id, batch.id, code.position, code.hash, batch.expires_at
      from batch, unnest(${hashes.map(() => newId())}::uuid[], ${[...hashes]}::bytea[])
        with ordinality as code(id, hash, position)
    )
    select ${batchColumns('batch')} from batch
  `.execute(tx);
  return toBatch(rows[0] as BatchRow);
}
