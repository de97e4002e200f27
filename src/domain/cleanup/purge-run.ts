import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../database.js';
import type { Ending } from './report-rows.js';
import type { Tally } from './tally.js';
import type { Position, Step } from './task.js';

/** A run under way, by whichever connection holds its task. */
export interface Run {
  readonly own: Database;
  readonly reportId: string;
  readonly steps: readonly Step[];
  readonly cutoff: string;
  readonly tally: Tally;
}

interface PurgeRun extends Run {
  readonly batchSize: number;
  readonly pauseMs: number;
  readonly stopping: AbortSignal;
}

const IN_USE = 'Some rows were in use; the next run takes them.';
const STOPPED = 'The server was stopped; the next run goes on where it ended.';
const MAX_PASSES = 5;
const BETWEEN_PASSES_MS = 200;

/** Removes what is eligible, step by step, up to the cap exactly. */
export async function purgeRun(run: PurgeRun): Promise<Ending> {
  let isSomeInUse = false;
  for (const step of run.steps) {
    const stopped = await purgeStep(run, step);
    if (stopped === 'in use') isSomeInUse = true;
    else if (stopped !== undefined) return stopped;
  }
  return isSomeInUse ? { status: 'PARTIAL', error: IN_USE } : { status: 'SUCCEEDED' };
}

/** Pass after pass until none is left: one passes over what somebody else holds locked. */
async function purgeStep(run: PurgeRun, step: Step): Promise<Ending | 'in use' | undefined> {
  for (let pass = 1; pass <= MAX_PASSES; pass += 1) {
    const stopped = await purgePass(run, step);
    if (stopped !== undefined) return stopped;
    if (!(await hasSome(run, step))) return undefined;
    await delay(BETWEEN_PASSES_MS);
  }
  return 'in use';
}

async function purgePass(run: PurgeRun, step: Step): Promise<Ending | undefined> {
  const { tally, pauseMs, stopping, cutoff, reportId } = run;
  let after: Position | undefined;
  do {
    if (stopping.aborted) return { status: 'INTERRUPTED', error: STOPPED };
    const limit = chunkSize(run, step);
    if (limit === 0) return (await isMoreLeft(run, step)) ? { status: 'PARTIAL', isCapped: true } : undefined;
    const from = after;
    after = await tally.add((tx) => step.purge(tx, { cutoff, limit, after: from, reportId }));
    if (tally.isCancelled) return { status: 'CANCELLED' };
    if (pauseMs > 0 && after !== undefined) await pause(pauseMs, stopping);
  } while (after !== undefined);
  return undefined;
}

function chunkSize({ tally, batchSize }: PurgeRun, { isUncapped = false }: Step): number {
  return isUncapped ? batchSize : Math.min(batchSize, tally.left);
}

/** Whether the cap is what ends the run, or the rows ended at the same moment. */
async function isMoreLeft(run: PurgeRun, reached: Step): Promise<boolean> {
  for (const step of run.steps.slice(run.steps.indexOf(reached))) {
    if (!step.isUncapped && (await hasSome(run, step))) return true;
  }
  return false;
}

async function hasSome({ own, cutoff }: Run, step: Step): Promise<boolean> {
  const counts = await step.preview(own, { cutoff, limit: 1 });
  return Object.values(counts).some((count) => count > 0);
}

async function pause(ms: number, stopping: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal: stopping }).catch(() => undefined);
}
