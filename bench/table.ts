/** One line of the table. */
export interface Figure {
  readonly name: string;
  readonly ours: number;
  readonly floor?: number;
  readonly unit: ' ms' | '/s' | ' MB' | '';
  readonly must?: Must;
  /** What stands behind the line, such as which statements were counted apart. */
  readonly note?: string;
}

/** What decides: the ratio to the floor, the difference from it, or the figure itself. `aim` is only printed. */
export interface Must {
  readonly of: 'ratio' | 'difference' | 'figure';
  readonly atMost?: number;
  readonly atLeast?: number;
  readonly aim?: string;
}

const HEADINGS = ['figure', 'ours', 'floor', 'ratio', 'must', '', 'note'];
const ALIGNED_RIGHT = new Set([1, 2, 3]);

/** Whether the figure reaches what it must; undefined where nothing is asked of it. */
export function isReached({ ours, floor = Number.NaN, must }: Figure): boolean | undefined {
  if (must === undefined) return undefined;
  const value = { ratio: ours / floor, difference: ours - floor, figure: ours }[must.of];
  return value <= (must.atMost ?? Infinity) && value >= (must.atLeast ?? -Infinity);
}

/** The figures as an aligned table. */
export function table(figures: readonly Figure[]): string {
  const rows = [HEADINGS, ...figures.map(cells)];
  const widths = HEADINGS.map((_heading, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const aligned = (text: string, column: number) =>
    ALIGNED_RIGHT.has(column) ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0);
  return rows.map((row) => row.map(aligned).join('  ').trimEnd()).join('\n');
}

function cells(figure: Figure): string[] {
  const { name, ours, floor, unit, must, note = '' } = figure;
  const reached = isReached(figure);
  return [
    name,
    `${amount(ours)}${unit}`,
    floor === undefined ? '' : `${amount(floor)}${unit}`,
    floor === undefined ? '' : (ours / floor).toFixed(2),
    must === undefined ? '' : mustText(must),
    reached === undefined ? '' : reached ? 'ok' : 'MISS',
    note,
  ];
}

function mustText({ of, atMost, atLeast, aim }: Must): string {
  const sign = atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`;
  const text = { ratio: `${sign} ×`, difference: `${sign} more`, figure: sign }[of];
  return aim === undefined ? text : `${text} (aim ${aim})`;
}

function amount(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** How many, as briefly as it is exact enough. */
export function inWords(count: number): string {
  return count >= 1_000_000 ? `${short(count / 1_000_000)} M` : `${short(count / 1000)} k`;
}

function short(count: number): string {
  return String(Math.round(count * 100) / 100);
}
