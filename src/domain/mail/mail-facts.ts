import { sql } from 'kysely';
import { codesLeft } from '../codes/batch-columns.js';
import type { Database } from '../database.js';

/** What mails tell of an account that its outbox message does not carry. */
export interface MailFacts {
  readonly email: string;
  readonly isVerified: boolean;
  readonly batchNumber: number | null;
  readonly issuedCount: number | null;
  readonly removedCount: number | null;
  readonly expiresAt: Date | null;
  /** How many of its codes would be accepted now; 0 where there is no batch. */
  readonly remaining: number;
  /** The account's own doing, not an admin's. */
  readonly isDeletedByOwner: boolean;
  readonly position: number | null;
}

/** Undefined for an account that is gone or has no address. */
export async function mailFacts(
  db: Database,
  of: { readonly accountId: string; readonly batchId?: string | undefined; readonly codeId?: string | undefined },
): Promise<MailFacts | undefined> {
  const { rows } = await sql<MailFacts>`
    select a.email, a.email_verified_at is not null as is_verified, b.number as batch_number, b.issued_count,
      b.removed_count, b.expires_at,
      case when b.status = 'ACTIVE' and (b.expires_at > sparekey_now()) is not false then ${codesLeft('b')} else 0 end as remaining,
      coalesce(b.deleted_by = a.id, false) as is_deleted_by_owner, code.position
    from accounts a
    left join recovery_code_batches b on b.id = ${of.batchId ?? null}::uuid
    left join recovery_codes code on code.id = ${of.codeId ?? null}::uuid
    where a.id = ${of.accountId} and a.email is not null
  `.execute(db);
  return rows[0];
}
