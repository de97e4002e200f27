/** A line of an answer: what it is, and its value; several values stand below one another. */
export type Line = readonly [label: string, value: string | readonly string[]];

const LABEL_WIDTH = 12;
let steps = 0;

/** One step: what was asked, and what was answered. */
export function printStep(asked: string, lines: readonly Line[]): void {
  steps += 1;
  console.log(`\n${String(steps).padStart(2)}  ${asked}`);
  for (const [label, value] of lines) {
    const [first = '', ...others] = typeof value === 'string' ? [value] : value;
    console.log(`      ${label.padEnd(LABEL_WIDTH)}${first}`);
    for (const other of others) console.log(`      ${''.padEnd(LABEL_WIDTH)}${other}`);
  }
}

/** Enough of a token to tell it from others. */
export function shortened(token: string): string {
  return `${token.slice(0, 8)}…${token.slice(-4)}`;
}

export function batchText(batch: {
  number: number;
  status: string;
  remainingCount: number;
  issuedCount: number;
}): string {
  return `number ${batch.number}, ${batch.status}, ${batch.remainingCount} of ${batch.issuedCount} codes left`;
}
