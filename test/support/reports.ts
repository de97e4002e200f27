import { randomUUID } from 'node:crypto';
import type { TestDatabase } from './database.js';

export interface MadeReport {
  readonly id: string;
  readonly cursor: string;
}

interface Wanted {
  readonly task?: string;
  readonly total?: number;
  /** Written by whoever ended it, with the word of it in the outbox; else it is only there. */
  readonly isTold?: boolean;
}

/** Reports of runs that ended, in this order, without any run. */
export async function makeReports(database: TestDatabase, count: number, wanted: Wanted = {}): Promise<MadeReport[]> {
  const { task = 'OUTBOX', total = 0, isTold = true } = wanted;
  return await database
    .rows<MadeReport>(
      `with made as (
       insert into purge_reports (id, cursor, task, status, trigger, finished_at, counts, total)
       select gen_random_uuid(), nextval('purge_report_cursors'), $2, 'SUCCEEDED', 'MANUAL', now(),
         jsonb_build_object('rows', $3::int), $3::int
       from generate_series(1, $1) returning id, cursor
     ), told as (
       insert into outbox (id, topic, payload)
       select gen_random_uuid(), 'purge-reported', jsonb_build_object('reportId', id) from made where $4
     )
     select id, encode(convert_to('r:' || cursor, 'UTF8'), 'base64') as cursor from made order by made.cursor`,
      [count, task, total, isTold],
    )
    .then((rows) => rows.map(({ id, cursor }) => ({ id, cursor: cursor.replace(/=+$/, '') })));
}

/** The same, with the word to every process given at once instead of by a relay. */
export async function endReports(database: TestDatabase, count: number, task?: string): Promise<MadeReport[]> {
  const made = await makeReports(database, count, { isTold: false, ...(task === undefined ? {} : { task }) });
  await notify(database, 'sparekey_purge_reported', made.at(-1)?.id ?? '');
  return made;
}

/** A report of a run that is under way. */
export async function makeRun(database: TestDatabase, { task = 'OUTBOX', total = 0, eligible = 100 } = {}) {
  const id = randomUUID();
  await database.rows(
    `insert into purge_reports (id, task, status, trigger, total, eligible) values ($1, $2, 'RUNNING', 'MANUAL', $3, $4)`,
    [id, task, total, eligible],
  );
  return id;
}

/** Word to every process, as the relay gives it. */
export async function notify(database: TestDatabase, channel: string, payload: string): Promise<void> {
  await database.rows('select pg_notify($1, $2)', [channel, payload]);
}
