import { sql } from 'kysely';
import type { Database } from '../database.js';

/** Any number that no other program takes in this database. */
const TASK_LOCKS = 7_277_335;

/** Whether this connection now holds the right to run the task: one at a time, until it is given up or the connection ends. */
export async function holdTask(own: Database, task: string): Promise<boolean> {
  return await isTrue(own, sql`pg_try_advisory_lock(${TASK_LOCKS}, hashtext(${task}))`);
}

/** Whether this connection is the one to deal with the report. */
export async function holdReport(own: Database, id: string): Promise<boolean> {
  return await isTrue(own, sql`pg_try_advisory_lock(hashtextextended(${id}, ${TASK_LOCKS}))`);
}

/** Whether this connection, and with it what it holds, is there still. */
export async function isAlive(own: Database): Promise<boolean> {
  return await isTrue(own, sql`true`).catch(() => false);
}

/** Works on a connection of its own, and gives up all that it holds at the end. One that is gone holds nothing. */
export async function onOwnConnection<T>(db: Database, work: (own: Database) => Promise<T>): Promise<T> {
  return await db.connection().execute(async (own) => {
    try {
      return await work(own);
    } finally {
      await sql`select pg_advisory_unlock_all()`.execute(own).catch(() => undefined);
    }
  });
}

async function isTrue(own: Database, question: ReturnType<typeof sql>): Promise<boolean> {
  const { rows } = await sql<{ answer: boolean }>`select ${question} as answer`.execute(own);
  return rows[0]?.answer === true;
}
