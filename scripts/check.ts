// `npm run check`: the whole gate apart from the tests. Runs every step, so that one run tells all that is wrong.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const steps = [
  'format:check',
  'lint',
  'typecheck',
  'layers',
  'deadcode',
  'schema:check',
  'schema:contract',
  'codegen:check',
  'migration:check',
  'docs:check',
];

const root = fileURLToPath(new URL('..', import.meta.url));
const failed: string[] = [];

for (const step of steps) {
  const startedAt = performance.now();
  const { status } = spawnSync(process.execPath, ['--run', step], { cwd: root, stdio: 'inherit' });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  if (status !== 0) failed.push(step);
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${step} (${seconds} s)`);
}

if (failed.length > 0) {
  console.error(`\n${failed.length} of ${steps.length} steps failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}
