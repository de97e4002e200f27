// Compiles src into dist when dist is missing or older than its sources; otherwise returns within a few milliseconds.
// Plain JavaScript on purpose: it runs before every start, and stripping types would cost more than the check.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const stampName = '.build-stamp';
const settings = ['tsconfig.json', 'tsconfig.build.json', 'package.json', 'scripts/build-if-stale.mjs'];

/** One line a source file with its size and time of change, so that an edit, a rename and a deletion all differ. */
function fingerprint() {
  const sources = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return [...settings.map((file) => join(root, file)), ...sources].map(describe).sort(byText).join('\n');
}

function describe(file) {
  const { size, mtimeMs } = statSync(file);
  return `${file.slice(root.length)} ${size} ${mtimeMs}`;
}

function byText(one, other) {
  return one < other ? -1 : 1;
}

const current = fingerprint();

function isFresh() {
  const stamp = join(dist, stampName);
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === current;
}

/** Compiles beside dist and swaps at the end, so that two starts at once never run half of a build. */
function compile() {
  const fresh = `${dist}.${process.pid}`;
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const args = [tsc, '-p', 'tsconfig.build.json', '--outDir', fresh];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status === 0) {
    writeFileSync(join(fresh, stampName), current);
    swapIn(fresh);
  }
  rmSync(fresh, { recursive: true, force: true });
  return status === 0;
}

function swapIn(fresh) {
  rmSync(dist, { recursive: true, force: true });
  try {
    renameSync(fresh, dist);
  } catch (error) {
    // Another start swapped its build in between; it is as good as ours if it was made from the same sources.
    if (!isFresh()) throw error;
  }
}

if (process.argv.includes('--force') || !isFresh()) {
  process.exitCode = compile() ? 0 : 1;
}
