import pg from 'pg';
import { deleteAndCountInChunks } from '../floors/counting-loop.ts';
import { deleteInChunks } from '../floors/delete-loop.ts';
import { cleanupRun } from '../measuring/cleanup-run.ts';
import { inTurns } from '../measuring/rounds.ts';
import { connectDatabase } from '../program.ts';
import { openPurgeGround, type PurgeGround } from '../purge-ground.ts';
import type { Stage } from '../stage.ts';
import { type Figure, inWords } from '../table.ts';
import { measureSpendBesidePurge } from './spend-beside-purge.ts';
import { measurePurgeMemory } from './purge-memory.ts';

/** The default of PURGE_BATCH_SIZE. */
const CHUNK_SIZE = 500;

/** Purging ended codes, and what it does to those who spend meanwhile and to the memory of the process. */
export async function measurePurge(stage: Stage): Promise<Figure[]> {
  const ground = await openPurgeGround(stage, stage.scale.purgedFrom);
  console.error(`  ${inWords(ground.codes)} codes were filled in within ${ground.filledIn.toFixed(0)} s`);
  try {
    return [
      ...(await measureRate(stage, ground)),
      ...(await measureSpendBesidePurge(stage, ground)),
      ...(await measurePurgeMemory(stage, ground)),
    ];
  } finally {
    await ground.close();
  }
}

/**
 * A run as a worker does it, against the best loop of deletes of as many rows, and against the same loop where it leaves
 * what a run leaves; each on a copy of its own.
 */
async function measureRate(stage: Stage, ground: PurgeGround): Promise<Figure[]> {
  const on = (remove: (url: string) => Promise<Removal>) => () =>
    ground.onCopy(async (url) => rateOf(ground, await remove(url)));
  const { ours, bare, counting } = await inTurns(stage.scale.purgeRounds, {
    ours: on(purge),
    bare: on((url) => loop(url, deleteInChunks)),
    counting: on((url) => loop(url, deleteAndCountInChunks)),
  });
  const name = `purge, ${inWords(ground.eligible)} of ${inWords(ground.codes)} codes`;
  return [
    { name: `${name}, beside bare deletes`, ours, floor: bare, unit: '/s', must: { of: 'ratio', atLeast: 0.8 } },
    { name: `${name}, beside deletes that are counted, too`, ours, floor: counting, unit: '/s' },
  ];
}

interface Removal {
  readonly removed: number;
  readonly ms: number;
}

function rateOf({ eligible }: PurgeGround, { removed, ms }: Removal): number {
  if (removed !== eligible) throw new Error(`${removed} codes were removed, of ${eligible}.`);
  return removed / (ms / 1000);
}

async function purge(url: string): Promise<Removal> {
  const connection = connectDatabase({ url, poolSize: 1 });
  try {
    const { run } = await cleanupRun(connection.db);
    const startedAt = performance.now();
    const { counts } = await run();
    return { removed: counts['codes'] ?? 0, ms: performance.now() - startedAt };
  } finally {
    await connection.close();
  }
}

async function loop(url: string, remove: typeof deleteInChunks): Promise<Removal> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const startedAt = performance.now();
    const removed = await remove(client, CHUNK_SIZE);
    return { removed, ms: performance.now() - startedAt };
  } finally {
    await client.end();
  }
}
