import { problemKinds } from './problem.js';
import type { Setting } from './setting.js';
import { allSettings } from './settings.js';

type Row = readonly string[];

/** All settings as a markdown table; what has a NAME_FILE variant says so. */
export function settingsTable(): string {
  const rows = allSettings.map(({ setting }) => [
    setting.hasFileVariant ? `\`${setting.name}\` or \`${setting.name}_FILE\`` : `\`${setting.name}\``,
    defaultOf(setting),
    setting.range,
    setting.description,
  ]);
  return markdownTable(['Setting', 'Default', 'Range', 'Meaning'], rows);
}

/** What each id of a problem stands for, as a markdown table. */
export function problemsTable(): string {
  return markdownTable(
    ['Id', 'Problem'],
    Object.entries(problemKinds).map(([id, meaning]) => [id, meaning]),
  );
}

function defaultOf(setting: Setting): string {
  return setting.otherwise ?? (setting.default ? `\`${setting.default}\`` : 'none');
}

// Padded the way prettier pads it, so that a document can hold it unchanged.
function markdownTable(head: Row, body: readonly Row[]): string {
  const rows = [head, ...body];
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: Row): string => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |\n`;
  const ruler = widths.map((width) => '-'.repeat(width));
  return [head, ruler, ...body].map(line).join('');
}
