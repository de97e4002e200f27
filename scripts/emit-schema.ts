// Writes the schema that the compiled resolvers make to schema.graphql; with --check only compares, and fails on drift.
import { readFile, writeFile } from 'node:fs/promises';
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { type GraphQLSchema, lexicographicSortSchema } from 'graphql';

interface SchemaModule {
  readonly buildSparekeySchema: () => Promise<GraphQLSchema>;
}

const committed = new URL('../schema.graphql', import.meta.url);

async function emittedSdl(): Promise<string> {
  // The compiled module: type stripping cannot run decorators.
  const compiled = new URL('../dist/resolvers/schema.js', import.meta.url);
  const { buildSparekeySchema } = (await import(compiled.href)) as SchemaModule;
  const sdl = printSchemaWithDirectives(lexicographicSortSchema(await buildSparekeySchema()));
  return `# Emitted from src/resolvers by \`npm run schema\`. Do not edit.\n\n${sdl.trimEnd()}\n`;
}

/** The first line in which two texts differ, as one sentence; undefined when they are alike. */
function firstDifference(wanted: string, found: string): string | undefined {
  if (wanted === found) return undefined;
  const [wantedLines, foundLines] = [wanted.split('\n'), found.split('\n')];
  const index = wantedLines.findIndex((line, at) => line !== foundLines[at]);
  const line = index === -1 ? wantedLines.length : index;
  return `line ${line + 1}: the code says ${quoted(wantedLines[line])}, the file ${quoted(foundLines[line])}`;
}

function quoted(line: string | undefined): string {
  return line === undefined ? 'nothing more' : `"${line.trim()}"`;
}

const sdl = await emittedSdl();
if (process.argv.includes('--check')) {
  const difference = firstDifference(sdl, await readFile(committed, 'utf8').catch(() => ''));
  if (difference !== undefined) {
    console.error(`schema.graphql is not what the code emits, ${difference}\nRun \`npm run schema\` and commit it.`);
    process.exitCode = 1;
  }
} else {
  await writeFile(committed, sdl);
}
