import type pg from 'pg';

/** A transaction as bare as it goes: what fails here ends the bench anyway. */
export async function inTransaction(pool: pg.Pool, run: (client: pg.PoolClient) => Promise<void>): Promise<void> {
  const client = await pool.connect();
  await client.query('begin');
  await run(client);
  await client.query('commit');
  client.release();
}
