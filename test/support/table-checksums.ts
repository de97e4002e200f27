import type { TestDatabase } from './database.js';

/** What every request may touch: counting, evidence, and when a session was used last. */
const ALWAYS_TOUCHED = new Set(['rate_limits', 'audit_events']);

/** What of a table counts, where it is not all of a row: the rest is the relay's, or changes with every use. */
const COUNTED: Readonly<Record<string, string>> = {
  sessions: `to_jsonb(t) - 'last_used_at'`,
  outbox: `jsonb_build_object('id', t.id, 'topic', t.topic, 'payload', t.payload - 'email' - 'newEmail')`,
};

/** One checksum for each table of the database, by the table's name. */
export async function tableChecksums({ rows }: TestDatabase): Promise<Record<string, string>> {
  const tables = await rows<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`,
  );
  const counted = tables.map(({ name }) => name).filter((name) => !ALWAYS_TOUCHED.has(name));
  const sums = counted.map((name) => {
    const row = COUNTED[name] ?? 'to_jsonb(t)';
    return `select '${name}' as name, count(*) || ' rows, ' || coalesce(md5(string_agg(x, '' order by x)), '') as sum
      from (select (${row})::text as x from "${name}" t) each`;
  });
  const found = await rows<{ name: string; sum: string }>(sums.join(' union all '));
  return Object.fromEntries(found.map(({ name, sum }) => [name, sum]));
}
