import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type pg from 'pg';
import { PURGE_REPORTED } from '../documents.ts';
import { type BareLiveServer, type RunningServer, startBareLiveServer } from '../floors/bare-process.ts';
import { type Admin, makeAdmin } from '../measuring/admin.ts';
import { inTurns } from '../measuring/rounds.ts';
import { openSubscribers, socketUrl, type Subscribers } from '../measuring/subscribers.ts';
import { startServer } from '../server-process.ts';
import type { Stage } from '../stage.ts';
import { type Figure, inWords } from '../table.ts';
import { measureNotify } from './notify.ts';

/** The default of MAX_SUBSCRIPTIONS_PER_SOCKET. */
const MOST_A_SOCKET = 100;
const MANY_SOCKETS = { ROLE: 'api', MAX_SOCKETS_PER_ACCOUNT: '100000' };

/** A report to many subscribers, and to one in another process. */
export async function measureSubscriptions(stage: Stage): Promise<Figure[]> {
  const { subscribers } = stage.scale;
  const admin = await makeAdmin(stage);
  const ours = await startServer(stage.dataDir, MANY_SOCKETS);
  try {
    const servers = { ours, bare: await startBareLiveServer() };
    try {
      return [
        await toAll(stage, { servers, admin, sockets: subscribers / MOST_A_SOCKET }),
        await toAll(stage, { servers, admin, sockets: subscribers }),
        ...(await measureNotify(stage, { admin, listening: ours })),
      ];
    } finally {
      await servers.bare.close();
    }
  } finally {
    await ours.close();
  }
}

interface Audience {
  readonly servers: { readonly ours: RunningServer; readonly bare: BareLiveServer };
  readonly admin: Admin;
  readonly sockets: number;
}

/** From the word of a report until the last subscriber has it, against a bare server that has it in memory. */
async function toAll(stage: Stage, { servers, admin, sockets }: Audience): Promise<Figure> {
  const { subscribers, publications } = stage.scale;
  const shared = { query: PURGE_REPORTED, sockets, subscribers };
  const ofOurs = await openSubscribers({ ...shared, url: socketUrl(servers.ours), token: admin.token });
  try {
    const ofBare = await openSubscribers({ ...shared, url: socketUrl(servers.bare) });
    try {
      const report = await sameReport(stage, servers.bare, { ofOurs, ofBare });
      const arrivals = await inTurns(publications, {
        ours: async () => (await reportToOurs(stage.bare, ofOurs)).ms,
        floor: async () => (await ofBare.arrivalOf(() => servers.bare.publish(report))).ms,
      });
      return {
        name: `report to ${inWords(subscribers)} subscribers over ${sockets} sockets`,
        ...arrivals,
        unit: ' ms',
        must: { of: 'ratio', atMost: 1.2 },
        note: 'until the last one has it',
      };
    } finally {
      await ofBare.close();
    }
  } finally {
    await ofOurs.close();
  }
}

/** What ours publishes, once both have published it. @throws where subscribers receive something else of the floor */
async function sameReport(
  { bare: db }: Stage,
  bare: BareLiveServer,
  { ofOurs, ofBare }: { readonly ofOurs: Subscribers; readonly ofBare: Subscribers },
) {
  const { message } = await reportToOurs(db, ofOurs);
  if (message.data === undefined) throw new Error(JSON.stringify(message));
  const { message: other } = await ofBare.arrivalOf(() => bare.publish(message.data));
  if (!isDeepStrictEqual(message, other)) throw new Error(`The floor publishes ${JSON.stringify(other)}.`);
  return message.data;
}

/** Stores a report that has ended; it begins to count when the word of it is sent, as the outbox sends it. */
async function reportToOurs(db: pg.Pool, subscribers: Subscribers) {
  const id = randomUUID();
  await db.query(
    `insert into purge_reports (id, cursor, task, status, trigger, finished_at, counts, total, retention_days)
     values ($1, nextval('purge_report_cursors'), 'RECOVERY_CODES', 'SUCCEEDED', 'SCHEDULE', now(),
       '{"codes": 4711, "batches": 451}', 4711, 90)`,
    [id],
  );
  return await subscribers.arrivalOf(async () => {
    await db.query(`select pg_notify('sparekey_purge_reported', $1)`, [id]);
  });
}
