import type { App } from './app.js';
import { loadEnvironment } from './config/environment.js';
import { formatProblems } from './config/format-problems.js';
import type { Config } from './config/config.js';
import { startText } from './start-text.js';
import { StartRefusedError } from './stores.js';

const STOP_WITHIN_MS = 9_500;

/** Serves until it is told to stop; returns the exit code. */
export async function runServer(): Promise<number> {
  const { config, problems } = loadEnvironment();
  if (problems.length > 0) process.stderr.write(`${formatProblems(problems)}\n`);
  if (config === undefined) return 1;
  try {
    const stopped = stopSignal();
    // Loaded after the settings, so that a mistake in them is told at once.
    const { createApp } = await import('./app.js');
    const app = await createApp(config);
    await start(app, config);
    await stopped;
    return await stop(app);
  } catch (error) {
    process.stderr.write(`Sparekey could not start. ${reasonOf(error)}\n`);
    return 1;
  }
}

async function start(app: App, config: Config): Promise<void> {
  try {
    const started = await app.start();
    process.stdout.write(startText(config, started));
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** Resolves at the first signal to stop; the second one ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let isStopping = false;
    const onSignal = () => {
      // eslint-disable-next-line unicorn/no-process-exit -- a second signal means: now
      if (isStopping) process.exit(130);
      isStopping = true;
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

async function stop(app: App): Promise<number> {
  const timeout = new Promise<'late'>((resolve) => setTimeout(resolve, STOP_WITHIN_MS, 'late').unref());
  const ended = await Promise.race([app.close(), timeout]);
  if (ended !== 'late') return 0;
  process.stderr.write('Sparekey did not stop in time.\n');
  // eslint-disable-next-line unicorn/no-process-exit -- what hangs would hold the process
  process.exit(1);
}

/** What an operator may read of a failed start: our own words, or the system's error code. */
function reasonOf(error: unknown): string {
  if (error instanceof StartRefusedError) return error.message;
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? ` (${String(error.code)})` : '';
  return `${error.message}${code}`;
}
