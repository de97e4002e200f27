import { cleanupRun } from '../measuring/cleanup-run.ts';
import { openLoop } from '../measuring/open-loop.ts';
import { median, percentile } from '../measuring/rounds.ts';
import type { PurgeGround } from '../purge-ground.ts';
import { openStageBeside, type RealCode, type Stage } from '../stage.ts';
import type { Figure } from '../table.ts';
import { verify } from './spend.ts';

const SPENDS_A_SECOND = 50;
/** PURGE_PAUSE_MS: what an operator would set on a machine that has little to spare. */
const PAUSE_MS = 50;
const KINDS = ['idle', 'purging'] as const;

/** The latencies of each stretch. */
type Taken = Record<(typeof KINDS)[number], number[][]>;

/** Spends at a steady rate, by turns with nothing beside them and with a purge that pauses between its chunks. */
export async function measureSpendBesidePurge(stage: Stage, ground: PurgeGround): Promise<Figure[]> {
  const { stretches, stretchSeconds } = stage.scale;
  const count = SPENDS_A_SECOND * stretchSeconds;
  const people = Math.ceil(((stretches * KINDS.length + 1) * count) / 10);
  const taken = await ground.onCopy(async (url) => {
    const beside = await openStageBeside(stage, { ...stage.scale, people }, url);
    try {
      return await takeTurns(beside, count);
    } finally {
      await beside.close();
    }
  });
  const at = (share: number) => ({
    ours: median(taken.purging.map((stretch) => percentile(stretch, share))),
    floor: median(taken.idle.map((stretch) => percentile(stretch, share))),
  });
  const name = (what: string) => `spend, ${what} of ${SPENDS_A_SECOND}/s while it purges, beside idle`;
  return [
    { name: name('p50'), ...at(0.5), unit: ' ms' },
    {
      name: name('p99'),
      ...at(0.99),
      unit: ' ms',
      must: { of: 'ratio', atMost: 2 },
      note: `PURGE_PAUSE_MS=${PAUSE_MS}; medians of ${stretches} stretches of ${stretchSeconds} s`,
    },
  ];
}

async function takeTurns(stage: Stage, count: number): Promise<Taken> {
  const taken: Taken = { idle: [], purging: [] };
  const codes = [...stage.stock];
  const spends = () => {
    const some = codes.splice(0, count);
    return openLoop(SPENDS_A_SECOND, count, (index) => verify(stage, some[index] as RealCode));
  };
  // Compilers and caches need to warm up.
  await spends();
  for (let stretch = 0; stretch < stage.scale.stretches; stretch += 1) {
    for (const kind of stretch % 2 === 0 ? KINDS : KINDS.toReversed()) {
      taken[kind].push(await (kind === 'idle' ? spends() : whilePurging(stage, spends)));
    }
  }
  return taken;
}

async function whilePurging<T>(stage: Stage, run: () => Promise<T>): Promise<T> {
  const purge = await cleanupRun(stage.app.stores.connection.db, { PURGE_PAUSE_MS: `${PAUSE_MS}` });
  const ended = purge.run();
  const result = await run();
  purge.runner.stop();
  const { status } = await ended;
  if (status !== 'INTERRUPTED') throw new Error(`The purge ended before the spends did, as ${status}.`);
  return result;
}
