/** Two measurements of the same kind, taken in turns so that the machine's moods meet both. */
export interface Pair {
  readonly ours: number;
  readonly floor: number;
}

export type Side = keyof Pair;

/** The least value that so large a share of them does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Median latencies in milliseconds of one operation after the other, ours and the floor's by turns. */
export async function latencies(
  times: number,
  operations: Readonly<Record<Side, (index: number) => Promise<unknown>>>,
): Promise<Pair> {
  const taken: Record<Side, number[]> = { ours: [], floor: [] };
  const warmUp = Math.ceil(times / 10);
  for (let index = 0; index < times; index += 1) {
    for (const side of inOrder(index)) {
      const startedAt = performance.now();
      await operations[side](index);
      if (index >= warmUp) taken[side].push(performance.now() - startedAt);
    }
  }
  return { ours: median(taken.ours), floor: median(taken.floor) };
}

/** Medians of rounds, by turns; the first round of each only warms up. */
export async function inTurns<Name extends string>(
  rounds: number,
  contestants: Readonly<Record<Name, () => Promise<number>>>,
): Promise<Record<Name, number>> {
  const names = Object.keys(contestants) as Name[];
  const results = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const result = await contestants[name]();
      if (round > 0) results.get(name)?.push(result);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(results.get(name) ?? [])])) as Record<Name, number>;
}

/** Runs the tasks with so many of them in flight; returns how many were done in a second. */
export async function perSecond(inFlight: number, tasks: readonly (() => Promise<unknown>)[]): Promise<number> {
  const queue = tasks.values();
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      for (const task of queue) await task();
    }),
  );
  return tasks.length / ((performance.now() - startedAt) / 1000);
}

function inOrder(index: number): readonly Side[] {
  return index % 2 === 0 ? ['ours', 'floor'] : ['floor', 'ours'];
}
