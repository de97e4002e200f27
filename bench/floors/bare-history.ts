/** What the recorded statements return of a batch, as far as it is answered. */
export interface BatchRow {
  readonly id: string;
  readonly number: number;
  readonly status: string;
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly issued_count: number;
  readonly used_count: number;
  readonly invalidated_count: number;
  readonly removed_count: number;
  readonly lapsed_count: number;
  readonly is_expired: boolean | null;
  readonly total_count: number;
  readonly oldest: number;
}

export function batchOf(row: BatchRow) {
  const isLapsed = row.status === 'ACTIVE' && row.is_expired === true;
  const left = row.issued_count - row.used_count - row.invalidated_count - row.removed_count - row.lapsed_count;
  return {
    id: row.id,
    number: row.number,
    status: isLapsed ? 'EXPIRED' : row.status,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    issuedCount: row.issued_count,
    usedCount: row.used_count,
    remainingCount: isLapsed ? 0 : left,
  };
}

/** A page of the history as the contract answers it, from its rows. */
export function connectionOf(rows: readonly BatchRow[]) {
  const edges = rows.map((row) => ({
    cursor: Buffer.from(`n:${row.number}`).toString('base64url'),
    node: batchOf(row),
  }));
  const last = rows.at(-1);
  return {
    edges,
    pageInfo: { hasNextPage: last !== undefined && last.oldest < last.number, endCursor: edges.at(-1)?.cursor ?? null },
    totalCount: rows[0]?.total_count ?? 0,
  };
}
