// `npm run bench`: what operations cost beside the least that they could cost, both measured in turns in the same run.
import { openStage } from './stage.ts';
import { takeSamples } from './figures/statements.ts';
import { measureGenerate } from './figures/generate.ts';
import { measureSignIn, measureSpend, measureWrongCode } from './figures/spend.ts';
import { table } from './table.ts';

const stage = await openStage({ people: 60, times: 200, rounds: 3, secondsOfRound: 2, codes: 10000 });
try {
  const { samples, figures } = await takeSamples(stage);
  figures.push(...(await measureGenerate(stage, samples)));
  figures.push(...(await measureSpend(stage, samples)));
  figures.push(...(await measureWrongCode(stage, samples)));
  figures.push(...(await measureSignIn(stage, samples)));
  console.log(table(figures));
} finally { await stage.close(); }
