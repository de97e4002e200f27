import { type RawBuilder, sql } from 'kysely';
import { isSessionOn } from '../accounts/sessions.js';
import type { Database } from '../database.js';
import { UnauthenticatedError } from '../errors.js';
import type { EventSource } from '../events/event-source.js';
import { raisedWithin } from '../events/raised-within.js';
import { type Batch, type BatchRow, toBatch } from './batch.js';
import { batchColumns, codesLeft } from './batch-columns.js';

export type RevocationOutcome =
  'DONE' | 'ALREADY_USED' | 'ALREADY_INVALIDATED' | 'ALREADY_DELETED' | 'SUPERSEDED' | 'EXPIRED' | 'NOT_FOUND';

export type Revocation = 'INVALIDATED' | 'PENDING_DELETION';

/** The code by its place: its id, or its hash in one batch. */
export type CodePlace = { readonly codeId: string } | { readonly batchId: string; readonly hash: Buffer };

export interface Revoke {
  readonly to: Revocation;
  readonly place: CodePlace;
  /** Only a batch of this account; undefined: of any (an admin's doing). */
  readonly ownerId: string | undefined;
  readonly source: EventSource;
}

export interface Revoked {
  readonly outcome: RevocationOutcome;
  readonly batch: Batch | undefined;
}

interface RevokedRow extends BatchRow {
  readonly codeStatus: string | null;
  readonly isDone: boolean;
  /** Whether the session that revokes it lasts; where it does not, the rest of the row is empty. */
  readonly isOn: boolean;
}

/**
 * Makes one usable code unusable, in one statement. Siblings and the batch's status stay, but for the last usable code,
 * which leaves the batch EXHAUSTED. Lock order: batch, code.
 * @throws UnauthenticatedError where the session that does it has ended
 */
export async function revokeCode(db: Database, { to, place, ownerId, source }: Revoke): Promise<Revoked> {
  const { rows } = await sql<RevokedRow>`
    with session as materialized (
      select ${isSessionOn(source)} as is_on
    ), ${lockedCode(place, ownerId)}, ${markedCode(to)}, ${revoked(to, source)}
    select ${batchColumns('now')}, (select status from code) as code_status, exists (select from marked) as is_done,
      session.is_on
    from session left join
      (select * from counted union all select * from batch where not exists (select from counted)) now on true
  `.execute(db);
  const row = rows[0] as RevokedRow;
  if (!row.isOn) throw new UnauthenticatedError();
  if (row.codeStatus === null) return { outcome: 'NOT_FOUND', batch: undefined };
  return { outcome: row.isDone ? 'DONE' : outcomeOf(row.codeStatus), batch: toBatch(row) };
}

function lockedCode(place: CodePlace, ownerId: string | null = null): RawBuilder<unknown> {
  const batchId =
    'codeId' in place ? sql`(select batch_id from recovery_codes where id = ${place.codeId})` : sql`${place.batchId}`;
  const isTheOne = 'codeId' in place ? sql`code.id = ${place.codeId}` : sql`code.hash = ${place.hash}`;
  return sql`
    batch as materialized (
      select b.* from recovery_code_batches b, session
      where b.id = ${batchId} and (${ownerId}::uuid is null or b.account_id = ${ownerId}::uuid) and session.is_on
      for no key update of b
    ), code as materialized (
      select code.id, code.status, code.batch_id from recovery_codes code, batch
      where code.batch_id = batch.id and ${isTheOne}
      for update of code
    )`;
}

function markedCode(to: Revocation): RawBuilder<unknown> {
  const [endedAt, count] =
    to === 'INVALIDATED'
      ? [sql.ref('invalidated_at'), sql.ref('invalidated_count')]
      : [sql.ref('deleted_at'), sql.ref('removed_count')];
  return sql`
    marked as (
      update recovery_codes c set status = ${to}, ${endedAt} = sparekey_now()
      from code, batch
      where c.id = code.id and c.status = 'ACTIVE' and batch.status = 'ACTIVE'
        and (batch.expires_at is null or batch.expires_at > sparekey_now())
      returning c.id, c.batch_id
    ), counted as (
      update recovery_code_batches b set updated_at = sparekey_now(), ${count} = b.${count} + 1,
        status = case when ${codesLeft('b')} = 1 then 'EXHAUSTED' else 'ACTIVE' end
      from marked where b.id = marked.batch_id returning b.*
    )`;
}

function revoked(to: Revocation, source: EventSource): RawBuilder<unknown> {
  const [accountId, batchId] = [sql`counted.account_id`, sql`counted.id`];
  const action = to === 'INVALIDATED' ? 'CODE_INVALIDATED' : 'CODE_DELETED';
  return raisedWithin(
    source,
    {
      action,
      from: sql`counted, marked`,
      facts: { accountId, batchId, codeId: sql`marked.id`, remaining: codesLeft('counted') },
    },
    { action: 'BATCH_EXHAUSTED', from: sql`counted where counted.status = 'EXHAUSTED'`, facts: { accountId, batchId } },
  );
}

/** Why a code that is there could not be revoked; an ACTIVE one only where its batch has expired. */
function outcomeOf(codeStatus: string): RevocationOutcome {
  switch (codeStatus) {
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
