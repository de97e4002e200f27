import type { Ending } from './report-rows.js';
import type { Tally } from './tally.js';
import type { Chore } from './task.js';

interface ChoreRun {
  readonly chore: Chore;
  readonly tally: Tally;
  readonly stopping: AbortSignal;
}

const STOPPED = {
  status: 'INTERRUPTED',
  error: 'The server was stopped before it was done; the next run begins anew.',
} as const;

/** Does a chore, and notes each part of it in the report as it ends. What is under way at a stop is not waited for. */
export async function runChore({ chore, tally, stopping }: ChoreRun): Promise<Ending> {
  const parts = chore.run()[Symbol.asyncIterator]();
  const stopped = new Promise<'stopped'>((resolve) => {
    if (stopping.aborted) resolve('stopped');
    else stopping.addEventListener('abort', () => resolve('stopped'), { once: true });
  });
  for (;;) {
    const next = parts.next();
    // Whoever has stopped does not hear how it ends.
    next.catch(() => undefined);
    const part = await Promise.race([stopped, next]);
    if (part === 'stopped') return STOPPED;
    if (part.done === true) return chore.endingOf(tally.counts);
    await tally.add(() => Promise.resolve({ counts: part.value, removed: 0, next: undefined }));
    if (tally.isCancelled) return { status: 'CANCELLED' };
  }
}

/** Counts what a chore would do; does nothing. */
export async function previewChore(chore: Chore): Promise<Ending> {
  return { status: 'SUCCEEDED', progress: { counts: await chore.preview(), total: 0 } };
}
