// Draws who imports whom among the folders of src into docs/ARCHITECTURE.md; with --check only compares.
import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cruise, type ICruiseResult, type IModule } from 'dependency-cruiser';

const page = new URL('../docs/ARCHITECTURE.md', import.meta.url);
const [start, end] = ['<!-- layers:start -->', '<!-- layers:end -->'];

/** The folder of a source file, or for one directly in src its name without suffix; undefined for anything else. */
function layerOf(path: string): string | undefined {
  const [root, layer] = path.split('/');
  return root === 'src' && layer !== undefined ? basename(layer, '.ts') : undefined;
}

/** Each pair of layers once: solid where code is imported, dotted where only types are. */
function edgesOf(modules: readonly IModule[]): string[] {
  const edges = new Map<string, boolean>();
  for (const { source, dependencies } of modules) {
    for (const { resolved, dependencyTypes } of dependencies) {
      const [from, to] = [layerOf(source), layerOf(resolved)];
      if (from === undefined || to === undefined || from === to) continue;
      const pair = `${from} ${to}`;
      edges.set(pair, edges.get(pair) === true || !dependencyTypes.includes('type-only'));
    }
  }
  return [...edges].map(([pair, isCode]) => `  ${pair.replace(' ', isCode ? ' --> ' : ' -.-> ')}`).sort();
}

async function drawGraph(): Promise<string> {
  process.chdir(fileURLToPath(new URL('..', import.meta.url)));
  const { output } = await cruise(['src'], { tsPreCompilationDeps: true, doNotFollow: { path: 'node_modules' } });
  const lines = ['flowchart TD', ...edgesOf((output as ICruiseResult).modules)];
  return ['```mermaid', ...lines, '```'].join('\n');
}

function withGraph(text: string, graph: string): string {
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`docs/ARCHITECTURE.md needs the markers ${start} and ${end}`);
  return `${text.slice(0, from + start.length)}\n\n${graph}\n\n${text.slice(to)}`;
}

const current = await readFile(page, 'utf8');
const wanted = withGraph(current, await drawGraph());
if (wanted !== current && process.argv.includes('--check')) {
  console.error('The graph in docs/ARCHITECTURE.md is out of date. Run `npm run docs` and commit it.');
  process.exitCode = 1;
} else if (wanted !== current) {
  await writeFile(page, wanted);
}
