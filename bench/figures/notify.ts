import { createClient } from 'graphql-ws';
import { PURGE_REPORTED } from '../documents.ts';
import type { RunningServer } from '../floors/bare-process.ts';
import { bareNotify } from '../floors/bare-notify.ts';
import type { Admin } from '../measuring/admin.ts';
import { median } from '../measuring/rounds.ts';
import { socketUrl } from '../measuring/subscribers.ts';
import { startServer } from '../server-process.ts';
import type { Stage } from '../stage.ts';
import type { Figure } from '../table.ts';

const RUN = 'mutation { runCleanup(input: { task: COPIES, dryRun: true }) { id } }';
const REPORTS_A_PUBLICATION = 3;

interface Parties {
  readonly admin: Admin;
  /** Where the subscriber is; it runs nothing itself. */
  readonly listening: RunningServer;
}

/** From the end of a run in one process until a subscriber at another has its report, against a bare NOTIFY. */
export async function measureNotify(stage: Stage, { admin, listening }: Parties): Promise<Figure[]> {
  const times = stage.scale.publications * REPORTS_A_PUBLICATION;
  const working = await startServer(stage.dataDir);
  const arrivals = hearReports(listening, admin);
  try {
    // What has arrived before shows that the subscription is in effect.
    while (arrivals.size === 0) await admin.ask(working.url, RUN);
    for (let time = 0; time < times; time += 1) await admin.ask(working.url, RUN);
    const taken = await sinceEnd(stage, await arrivals.first(times));
    const floor = await bareNotify(stage.app.stores.databaseUrl, times);
    const name = 'report to a subscriber of another process, p50';
    return [
      {
        name,
        ours: median(taken),
        floor,
        unit: ' ms',
        note: `aim 50 ms; beside a bare NOTIFY; at most ${Math.max(...taken).toFixed(0)} ms`,
      },
    ];
  } finally {
    arrivals.close();
    await working.close();
  }
}

/** When each report arrived, by its id, in milliseconds since 1970. */
function hearReports(server: RunningServer, { token }: Admin) {
  const client = createClient({
    url: socketUrl(server),
    connectionParams: { authorization: `Bearer ${token}` },
    lazy: false,
  });
  const heardAt = new Map<string, number>();
  let heard = () => undefined as void;
  client.subscribe<{ purgeReported: { id: string } }>(
    { query: PURGE_REPORTED },
    {
      next: ({ data }) => {
        if (data) heardAt.set(data.purgeReported.id, performance.timeOrigin + performance.now());
        heard();
      },
      error: (error) => console.error(error),
      complete: () => undefined,
    },
  );
  return {
    get size() {
      return heardAt.size;
    },
    async first(count: number) {
      while (heardAt.size < count) await new Promise<void>((resolve) => (heard = resolve));
      return heardAt;
    },
    close: () => void client.dispose(),
  };
}

async function sinceEnd({ bare }: Stage, heardAt: ReadonlyMap<string, number>): Promise<number[]> {
  const { rows } = await bare.query<{ id: string; endedAt: number }>(
    `select id, (extract(epoch from finished_at) * 1000)::float8 as "endedAt" from purge_reports where id = any($1::uuid[])`,
    [[...heardAt.keys()]],
  );
  return rows.map(({ id, endedAt }) => (heardAt.get(id) ?? Number.NaN) - endedAt);
}
