// `npm run bench`: what operations cost beside the least that they could cost, both measured by turns in the same run.
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { measureExport } from './figures/export.ts';
import { measureGenerate } from './figures/generate.ts';
import { measureMemory, measureMemoryAfterLoad } from './figures/memory.ts';
import { measureHistory, measureSpendOverHttp, startFloors } from './figures/over-http.ts';
import { measurePurge } from './figures/purge.ts';
import { measureReading } from './figures/reading.ts';
import { measureSignIn, measureSpend, measureWrongCode } from './figures/spend.ts';
import { type Samples, takeSamples } from './figures/statements.ts';
import { measureSubscriptions } from './figures/subscriptions.ts';
import { measureTableSize } from './figures/table-size.ts';
import { startServer } from './server-process.ts';
import { openStage, type Scale, type Stage } from './stage.ts';
import { type Figure, isReached, table } from './table.ts';

const USAGE = `npm run bench [-- options]

The whole takes about half an hour and 8 GB of disk for the time being, most of both for the purge.

  --quick    less of everything, for a first look: a few minutes; codes are spent out of 100 k instead of 1 M,
             a tenth of 1 M instead of 10 M is purged, and reports go to 1 k subscribers instead of 10 k
  --strict   exit code 1 when a figure misses what it must reach
  --only X   only the part of that name: generate, export, spend, wrong, sign-in, http, size, reading,
             purge, subscriptions
`;

const FULL: Scale = {
  people: 200,
  times: 500,
  rounds: 5,
  pageRounds: 6,
  codes: 1_000_000,
  purgedFrom: 10_000_000,
  purgeRounds: 3,
  stretchSeconds: 10,
  stretches: 5,
  subscribers: 10_000,
  publications: 15,
};
const QUICK: Scale = {
  people: 40,
  times: 100,
  rounds: 3,
  pageRounds: 2,
  codes: 100_000,
  purgedFrom: 1_000_000,
  purgeRounds: 3,
  stretchSeconds: 3,
  stretches: 3,
  subscribers: 1_000,
  publications: 9,
};

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    strict: { type: 'boolean' },
    only: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});

async function measure(stage: Stage): Promise<Figure[]> {
  const { samples, figures: counts } = await takeSamples(stage);
  const parts: Record<string, () => Promise<Figure[]>> = {
    generate: () => measureGenerate(stage, samples),
    export: () => measureExport(stage),
    spend: () => measureSpend(stage, samples),
    wrong: () => measureWrongCode(stage, samples),
    'sign-in': () => measureSignIn(stage, samples),
    http: () => measureServers(stage, samples),
    size: () => measureTableSize(stage, samples),
    reading: () => measureReading(stage),
    purge: () => measurePurge(stage),
    subscriptions: () => measureSubscriptions(stage),
  };
  const figures: Figure[] = [];
  for (const [name, part] of Object.entries(parts)) {
    if (options.only !== undefined && options.only !== name) continue;
    const startedAt = performance.now();
    figures.push(...(await part()));
    console.error(`  ${name.padEnd(13)}${((performance.now() - startedAt) / 1000).toFixed(0).padStart(3)} s`);
  }
  return [...figures, ...counts];
}

async function measureServers(stage: Stage, samples: Samples): Promise<Figure[]> {
  await stage.restock();
  const ours = await startServer(stage.dataDir);
  try {
    const idle = await measureMemory(ours);
    const bare = await startFloors(stage, samples);
    try {
      const history = await measureHistory(stage, samples, { ours, bare });
      const spend = await measureSpendOverHttp(stage, samples, { ours, bare });
      return [...history, ...spend, ...idle, ...(await measureMemoryAfterLoad(ours))];
    } finally {
      await bare.close();
    }
  } finally {
    await ours.close();
  }
}

async function main(): Promise<number> {
  const startedAt = performance.now();
  const stage = await openStage(options.quick ? QUICK : FULL);
  try {
    const { rows } = await stage.bare.query<{ version: string }>(`select current_setting('server_version') as version`);
    console.log(`Node ${process.version}, PostgreSQL ${rows[0]?.version}, ${availableParallelism()} cores`);
    const figures = await measure(stage);
    const missed = figures.filter((figure) => isReached(figure) === false).length;
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
    console.log(`\n${table(figures)}\n\n${missed} missed, ${seconds} s`);
    return options.strict && missed > 0 ? 1 : 0;
  } finally {
    await stage.close();
  }
}

if (options.help) console.log(USAGE);
else process.exitCode = await main();
