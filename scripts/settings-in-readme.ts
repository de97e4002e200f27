// Writes the table of settings into README.md from the schema of settings; with --check only compares.
import { readFile, writeFile } from 'node:fs/promises';

const page = new URL('../README.md', import.meta.url);
const [start, end] = ['<!-- settings:start -->', '<!-- settings:end -->'];

const built = new URL('../dist/config/settings-table.js', import.meta.url).href;
const { settingsTable } = (await import(built)) as { settingsTable: () => string };
const text = await readFile(page, 'utf8');
const [before, after] = [text.slice(0, text.indexOf(start) + start.length), text.slice(text.indexOf(end))];
const written = `${before}\n\n${settingsTable().trim()}\n\n${after}`;

if (!process.argv.includes('--check')) await writeFile(page, written);
else if (written !== text) {
  console.error('The table of settings in README.md is out of date: run `npm run docs`.');
  process.exitCode = 1;
}
