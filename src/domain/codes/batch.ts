import type { Row } from '../../entities/tables.js';

export type BatchStatus = 'ACTIVE' | 'EXHAUSTED' | 'EXPIRED' | 'SUPERSEDED' | 'PENDING_DELETION' | 'PURGED';
export type CodeStatus = 'ACTIVE' | 'USED' | 'INVALIDATED' | 'EXPIRED' | 'SUPERSEDED' | 'PENDING_DELETION';

/** A batch as it reads now: expiry is computed, secrets are left out. */
export interface Batch {
  readonly id: string;
  readonly accountId: string | null;
  readonly number: number;
  readonly status: BatchStatus;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly expiresAt: Date | null;
  readonly issuedCount: number;
  readonly usedCount: number;
  readonly invalidatedCount: number;
  readonly removedCount: number;
  /** Codes that would be accepted now. */
  readonly remainingCount: number;
  readonly viewedAt: Date | null;
  readonly exportedAt: Date | null;
  readonly emailedAt: Date | null;
  readonly deletedAt: Date | null;
  readonly deletedBy: string | null;
  readonly purgedAt: Date | null;
}

/** One code as its owner may see it: never its plaintext, never its hash. */
export interface Code {
  readonly id: string;
  readonly position: number;
  readonly status: CodeStatus;
  readonly usedAt: Date | null;
  readonly invalidatedAt: Date | null;
  readonly deletedAt: Date | null;
}

export type BatchRow = Omit<Row<'recovery_code_batches'>, 'salt' | 'pepperKeyId' | 'hashMemoryKib' | 'hashPasses'> & {
  readonly isExpired: boolean | null;
};

export function toBatch(row: BatchRow): Batch {
  const { lapsedCount, isExpired, status, ...rest } = row;
  const left = row.issuedCount - row.usedCount - row.invalidatedCount - row.removedCount - lapsedCount;
  const isLapsed = status === 'ACTIVE' && isExpired === true;
  return {
    ...rest,
    status: isLapsed ? 'EXPIRED' : (status as BatchStatus),
    remainingCount: isLapsed ? 0 : left,
  };
}
