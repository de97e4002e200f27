import type pg from 'pg';

/** The process's clock less the database's, in milliseconds, taken at the middle of the round trip. */
export async function clockSkewMs(pool: pg.Pool): Promise<number> {
  const asked = Date.now();
  const { rows } = await pool.query<{ at: number }>(
    'select extract(epoch from clock_timestamp())::float8 * 1000 as at',
  );
  const answered = Date.now();
  return Math.round((asked + answered) / 2 - (rows[0]?.at ?? 0));
}
