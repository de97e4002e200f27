import { once } from 'node:events';
import pg from 'pg';
import { median } from '../measuring/rounds.ts';

/** From saying something on one connection until it is heard on another: the median of so many, in milliseconds. */
export async function bareNotify(databaseUrl: string, times: number): Promise<number> {
  const speaking = new pg.Client({ connectionString: databaseUrl });
  const hearing = new pg.Client({ connectionString: databaseUrl });
  await Promise.all([speaking.connect(), hearing.connect()]);
  await hearing.query('listen bench');
  const taken: number[] = [];
  for (let time = 0; time < times; time += 1) {
    const startedAt = performance.now();
    const heard = once(hearing, 'notification').then(() => taken.push(performance.now() - startedAt));
    await speaking.query({ name: 'say', text: `select pg_notify('bench', $1)`, values: [`${time}`] });
    await heard;
  }
  await Promise.all([speaking.end(), hearing.end()]);
  return median(taken);
}
