import type { Run } from './purge-run.js';
import type { Ending, Progress } from './report-rows.js';

/** Counts what a run of the same steps would remove, by the same predicates and with the same cap; removes nothing. */
export async function dryRun(run: Run): Promise<Ending> {
  const { own, steps, cutoff, tally } = run;
  for (const step of steps) {
    if (tally.left > 0 || step.isUncapped) tally.count(await step.preview(own, { cutoff, limit: tally.left }));
    if (tally.left === 0 && (await hasMore(run))) return { status: 'PARTIAL', isCapped: true, progress: told(tally) };
  }
  return { status: 'SUCCEEDED', progress: told(tally) };
}

function told({ counts, total }: Progress): Progress {
  return { counts, total };
}

async function hasMore({ own, steps, cutoff, tally }: Run): Promise<boolean> {
  let rows = 0;
  for (const step of steps) {
    rows += tally.rowsOf(await step.preview(own, { cutoff, limit: tally.total + 1 }));
    if (rows > tally.total) return true;
  }
  return false;
}
