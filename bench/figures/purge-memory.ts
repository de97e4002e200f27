import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { makeAdmin } from '../measuring/admin.ts';
import type { PurgeGround } from '../purge-ground.ts';
import { startServer } from '../server-process.ts';
import { openStageBeside, type Stage } from '../stage.ts';
import type { Figure } from '../table.ts';
import { IDLE_MS, residentMegabytes } from './memory.ts';

const RUN = 'mutation { runCleanup(input: { task: RECOVERY_CODES }) { id } }';
const READ = '{ purgeReports(first: 20) { edges { node { id task status counts { name count } } } } }';
const READERS = 4;
const READING_MS = 5_000;
const LOOK_EVERY_MS = 100;

/**
 * What the program holds, serving and working as it does by default, before a purge and after it. It has served before:
 * the room for short-lived values that the first load of any kind takes, once, is none that a purge keeps.
 */
export async function measurePurgeMemory(stage: Stage, ground: PurgeGround): Promise<Figure[]> {
  return await ground.onCopy(async (url) => {
    const beside = await openStageBeside(stage, { ...stage.scale, people: 1 }, url);
    const server = await startServer(stage.dataDir, { DATABASE_URL: url });
    try {
      const admin = await makeAdmin(beside);
      await delay(IDLE_MS);
      const fresh = await residentMegabytes(server.pid);
      await readFor(READING_MS, () => admin.ask(server.url, READ));
      const before = await residentMegabytes(server.pid);
      const { runCleanup } = await admin.ask(server.url, RUN);
      const highest = await highestUntilEnd(beside.bare, runCleanup.id, server.pid);
      const after = await residentMegabytes(server.pid);
      return [
        {
          name: 'memory after the purge, beside before (RSS)',
          ours: after,
          floor: before,
          unit: ' MB',
          must: { of: 'difference', atMost: 32 },
          note: `at most ${Math.max(highest, after).toFixed(0)} MB on the way; ${fresh.toFixed(0)} MB before it had served`,
        },
      ];
    } finally {
      await server.close();
      await beside.close();
    }
  });
}

async function readFor(ms: number, read: () => Promise<unknown>): Promise<void> {
  const end = performance.now() + ms;
  const reader = async () => {
    while (performance.now() < end) await read();
  };
  await Promise.all(Array.from({ length: READERS }, reader));
}

async function highestUntilEnd(db: pg.Pool, reportId: string, pid: number): Promise<number> {
  for (let highest = 0; ; await delay(LOOK_EVERY_MS)) {
    highest = Math.max(highest, await residentMegabytes(pid));
    const { rows } = await db.query<{ status: string }>('select status from purge_reports where id = $1', [reportId]);
    const status = rows[0]?.status;
    if (status === 'SUCCEEDED') return highest;
    if (status !== 'QUEUED' && status !== 'RUNNING') throw new Error(`The purge ended as ${status}.`);
  }
}
