import pg from 'pg';

const CODES_OF_BATCH = 10;
const BATCHES_OF_ACCOUNT = 5;

/**
 * Fills an empty database as years would: each account has five batches, of which the first was superseded long ago in
 * every other account, the last is active and those between ended within the retention. A tenth of the codes is
 * eligible, spread over the whole table, and what ended at about the same time lies anywhere in it.
 *
 * The indexes of the codes are built afterwards: much faster, and as good for whoever purges.
 *
 * @returns how many codes are eligible by the default retention
 */
export async function fillForPurge(superuserUrl: string, pepperKeyId: string, codes: number): Promise<number> {
  const client = new pg.Client({ connectionString: superuserUrl });
  await client.connect();
  try {
    await client.query(`set maintenance_work_mem = '512MB'; set synchronous_commit = off`);
    // What refers to what is right by construction; looking it up ten million times would be most of the time.
    await client.query('set session_replication_role = replica');
    await fillBatches(client, pepperKeyId, codes / CODES_OF_BATCH / BATCHES_OF_ACCOUNT);
    const indexes = await takeOffIndexes(client);
    await fillCodes(client);
    for (const statement of indexes) await client.query(statement);
    for (const table of ['accounts', 'recovery_code_batches', 'recovery_codes']) {
      await client.query(`vacuum (freeze, analyze) ${table}`);
    }
    const { rows } = await client.query<{ count: number }>(
      `select count(*)::int as count from recovery_codes where ended_at < now() - interval '90 days'`,
    );
    return rows[0]?.count ?? 0;
  } finally {
    await client.end();
  }
}

async function fillBatches(client: pg.Client, pepperKeyId: string, accounts: number): Promise<void> {
  await client.query(
    `insert into accounts (id, email, email_key, email_verified_at)
     select id, id || '@example.org', id || '@example.org', now()
     from (select uuidv7() as id from generate_series(1, $1::int)) made`,
    [accounts],
  );
  await client.query(
    `insert into recovery_code_batches (id, account_id, number, status, created_at, issued_count, lapsed_count,
       salt, pepper_key_id, hash_memory_kib, hash_passes)
     select uuidv7(), id, number, case when number = $2 then 'ACTIVE' else 'SUPERSEDED' end, now() - interval '4 years',
       $3, case when number = $2 then 0 else $3 end, uuid_send(gen_random_uuid()), $1, 1024, 1
     from accounts, generate_series(1, $2::int) number`,
    [pepperKeyId, BATCHES_OF_ACCOUNT, CODES_OF_BATCH],
  );
}

async function fillCodes(client: pg.Client): Promise<void> {
  await client.query(
    `insert into recovery_codes (id, batch_id, position, hash, status, superseded_at)
     select uuidv7(), batch.id, generate_series(1, $1::int), uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), batch.status,
       batch.ended_at
     from (
       select id, status, case
         when status = 'ACTIVE' then null
         when number = 1 and hashtext(account_id::text) % 2 = 0 then now() - interval '91 days' - random() * interval '3 years'
         else now() - random() * interval '89 days'
       end as ended_at
       from recovery_code_batches order by id
     ) batch`,
    [CODES_OF_BATCH],
  );
}

/** Drops every index and constraint of the codes. @returns what makes them again */
async function takeOffIndexes(client: pg.Client): Promise<string[]> {
  const constraints = await client.query<{ name: string; definition: string }>(
    `select conname as name, pg_get_constraintdef(oid) as definition from pg_constraint
     where conrelid = 'recovery_codes'::regclass and contype in ('p', 'u', 'f') order by contype = 'f'`,
  );
  const indexes = await client.query<{ name: string; definition: string }>(
    `select indexrelid::regclass as name, pg_get_indexdef(indexrelid) as definition from pg_index
     where indrelid = 'recovery_codes'::regclass and not exists (select from pg_constraint where conindid = indexrelid)`,
  );
  for (const { name } of constraints.rows) await client.query(`alter table recovery_codes drop constraint ${name}`);
  for (const { name } of indexes.rows) await client.query(`drop index ${name}`);
  return [
    ...constraints.rows.map(
      ({ name, definition }) => `alter table recovery_codes add constraint ${name} ${definition}`,
    ),
    ...indexes.rows.map(({ definition }) => definition),
  ];
}
