import { sql } from 'kysely';
import { v7 as newId } from 'uuid';
import type { Database } from '../database.js';
import type { AuditDraft } from '../events/record-events.js';
import { type Batch, type BatchRow, toBatch } from './batch.js';
import { batchColumns, codesLeft } from './batch-columns.js';

export type RevocationOutcome =
  | 'DONE'
  | 'ALREADY_USED'
  | 'ALREADY_INVALIDATED'
  | 'ALREADY_DELETED'
  | 'SUPERSEDED'
  | 'EXPIRED'
  | 'NOT_FOUND';

export type Revocation = 'INVALIDATED' | 'PENDING_DELETION';

/** The code by its place: its id, or its hash in one batch. */
export type CodePlace = { readonly codeId: string } | { readonly batchId: string; readonly hash: Buffer };

export interface Revoke {
  readonly to: Revocation;
  readonly place: CodePlace;
  /** Only a batch of this account; undefined: of any (an admin's doing). */
  readonly ownerId: string | undefined;
  readonly audit: AuditDraft;
}

export interface Revoked {
  readonly outcome: RevocationOutcome;
  readonly batch: Batch | undefined;
}

interface RevokedRow extends BatchRow {
  readonly codeStatus: string | null;
  readonly isDone: boolean;
}

/**
 * Makes one usable code unusable, in one statement. Siblings and the batch's status stay, but for the last usable code,
 * which leaves the batch EXHAUSTED. Lock order: batch, code.
 */
export async function revokeCode(db: Database, { to, place, ownerId, audit }: Revoke): Promise<Revoked> {
  const codeId = 'codeId' in place ? place.codeId : null;
  const [batchId, hash] = 'codeId' in place ? [null, null] : [place.batchId, place.hash];
  const { rows } = await sql<RevokedRow>`
    with batch as materialized (
      select b.* from recovery_code_batches b
      where b.id = coalesce(${batchId}::uuid, (select batch_id from recovery_codes where id = ${codeId}::uuid))
        and (${ownerId ?? null}::uuid is null or b.account_id = ${ownerId ?? null}::uuid)
      for no key update
    ), code as materialized (
      select code.id, code.status, code.batch_id from recovery_codes code, batch
      where code.batch_id = batch.id and (code.id = ${codeId}::uuid or code.hash = ${hash}::bytea)
      for update of code
    ), marked as (
      update recovery_codes c set status = ${to},
        invalidated_at = case when ${to} = 'INVALIDATED' then sparekey_now() end,
        deleted_at = case when ${to} = 'PENDING_DELETION' then sparekey_now() end
      from code, batch
      where c.id = code.id and c.status = 'ACTIVE' and batch.status = 'ACTIVE'
        and (batch.expires_at is null or batch.expires_at > sparekey_now())
      returning c.id, c.batch_id
    ), counted as (
      update recovery_code_batches b set updated_at = sparekey_now(),
        invalidated_count = b.invalidated_count + (${to} = 'INVALIDATED')::int,
        removed_count = b.removed_count + (${to} = 'PENDING_DELETION')::int,
        status = case when ${codesLeft('b')} = 1 then 'EXHAUSTED' else 'ACTIVE' end
      from marked where b.id = marked.batch_id returning b.*
    ), audited as (
      insert into audit_events
        (id, action, actor_id, account_id, batch_id, code_id, session_id, method, ip_address, user_agent)
      select event.id, event.action, ${audit.actorId ?? null}::uuid, counted.account_id, counted.id, event.code_id,
        ${audit.sessionId ?? null}::uuid, ${audit.method ?? null}, ${audit.ipAddress ?? null}, ${audit.userAgent ?? null}
      from counted, marked, lateral (values
        (${newId()}::uuid, case when ${to} = 'INVALIDATED' then 'CODE_INVALIDATED' else 'CODE_DELETED' end, marked.id, true),
        (${newId()}::uuid, 'BATCH_EXHAUSTED', null, counted.status = 'EXHAUSTED')
      ) event(id, action, code_id, is_so)
      where event.is_so
    ), announced as (
      insert into outbox (id, topic, payload)
      select ${newId()}::uuid, 'batch-changed', jsonb_build_object('accountId', account_id, 'batchId', id) from counted
    )
    select ${batchColumns('now')}, (select status from code) as code_status, exists (select from marked) as is_done
    from (select * from counted union all select * from batch where not exists (select from counted)) now
  `.execute(db);
  const [row] = rows;
  if (row === undefined) return { outcome: 'NOT_FOUND', batch: undefined };
  const { codeStatus, isDone, ...batchRow } = row;
  const batch = toBatch(batchRow);
  return { outcome: isDone ? 'DONE' : outcomeOf(codeStatus), batch: codeStatus === null ? undefined : batch };
}

/** Why a code that is there could not be revoked; an ACTIVE one only where its batch has expired. */
function outcomeOf(codeStatus: string | null): RevocationOutcome {
  switch (codeStatus) {
    case null:
      return 'NOT_FOUND';
    case 'USED':
      return 'ALREADY_USED';
    case 'INVALIDATED':
      return 'ALREADY_INVALIDATED';
    case 'PENDING_DELETION':
      return 'ALREADY_DELETED';
    case 'SUPERSEDED':
      return 'SUPERSEDED';
    default:
      return 'EXPIRED';
  }
}
