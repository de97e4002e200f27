import type { Run } from './purge-run.js';
import type { Ending } from './report-rows.js';

/** Counts what a run of the same steps would remove, by the same predicates and with the same cap; removes nothing. */
export async function dryRun(run: Run): Promise<Ending> {
  const { own, steps, cutoff, tally } = run;
  for (const step of steps) {
    if (tally.left === 0) break;
    tally.count(await step.preview(own, { cutoff, limit: tally.left }));
  }
  const isCapped = tally.left === 0 && (await hasMore(run));
  const progress = { counts: tally.counts, total: tally.total };
  return { status: isCapped ? 'PARTIAL' : 'SUCCEEDED', isCapped, progress };
}

async function hasMore({ own, steps, cutoff, tally }: Run): Promise<boolean> {
  let rows = 0;
  for (const step of steps) {
    rows += tally.rowsOf(await step.preview(own, { cutoff, limit: tally.total + 1 }));
    if (rows > tally.total) return true;
  }
  return false;
}
