import type { Ending } from './report-rows.js';
import type { Tally } from './tally.js';
import type { Chore } from './task.js';

interface ChoreRun {
  readonly chore: Chore;
  readonly tally: Tally;
  readonly stopping: AbortSignal;
}

const STOPPED = 'The server was stopped before it was done; the next run begins anew.';

/** Does a chore, and notes each part of it in the report as it ends. */
export async function runChore({ chore, tally, stopping }: ChoreRun): Promise<Ending> {
  for await (const counts of chore.run()) {
    await tally.add(() => Promise.resolve({ counts, removed: 0, next: undefined }));
    if (tally.isCancelled) return { status: 'CANCELLED' };
    if (stopping.aborted) return { status: 'INTERRUPTED', error: STOPPED };
  }
  return chore.endingOf(tally.counts);
}

/** Counts what a chore would do; does nothing. */
export async function previewChore(chore: Chore): Promise<Ending> {
  return { status: 'SUCCEEDED', progress: { counts: await chore.preview(), total: 0 } };
}
