import { once } from 'node:events';
import type { App } from './app.js';
import { loadEnvironment } from './config/environment.js';
import { formatProblems } from './config/format-problems.js';
import type { Config } from './config/config.js';
import type { SettingProblem } from './config/problem.js';
import { startText } from './start-text.js';
import { StartRefusedError } from './stores.js';

const STOP_WITHIN_MS = 9_500;
/** The part of it that a start under way is given to come to an end, so that it can be closed in order. */
const START_ENDS_WITHIN_MS = 4_000;

interface Running {
  readonly app: App;
  /** Undefined where the signal to stop came before. */
  readonly started: Awaited<ReturnType<App['start']>> | undefined;
}

/** Serves until it is told to stop; returns the exit code. */
export async function runServer(): Promise<number> {
  const { config, problems } = loadEnvironment();
  if (problems.length > 0) process.stderr.write(`${formatProblems(problems)}\n`);
  if (config === undefined) return 1;
  try {
    const signal = stopSignal();
    const stopped = once(signal, 'abort');
    const starting = start(config, problems, signal);
    await Promise.race([starting, stopped]);
    if (signal.aborted) return await stopStart(starting);
    const { app, started } = await starting;
    if (started !== undefined) process.stdout.write(startText(config, started));
    await stopped;
    return await stop(app, STOP_WITHIN_MS);
  } catch (error) {
    process.stderr.write(`Sparekey could not start. ${reasonOf(error)}\n`);
    return 1;
  }
}

async function start(config: Config, problems: readonly SettingProblem[], signal: AbortSignal): Promise<Running> {
  // Loaded after the settings, so that a mistake in them is told at once.
  const { createApp } = await import('./app.js');
  const app = await createApp(config, undefined, problems);
  if (signal.aborted) return { app, started: undefined };
  try {
    return { app, started: await app.start() };
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** Closes what has been started as soon as it is; a start that waits for something else is given up. */
async function stopStart(starting: Promise<Running>): Promise<number> {
  // One that fails has closed itself, and nobody wants it any more.
  const ended = await within(
    starting.catch(() => undefined),
    START_ENDS_WITHIN_MS,
  );
  // eslint-disable-next-line unicorn/no-process-exit -- nothing is served yet, and what it waits for would hold the process
  if (ended === 'late') process.exit(0);
  if (ended === undefined) return 0;
  tellDrawnPassword(ended);
  return await stop(ended.app, STOP_WITHIN_MS - START_ENDS_WITHIN_MS);
}

/** The next start finds the admin made, and has no password to tell. */
function tellDrawnPassword({ started }: Running): void {
  const admin = started?.firstAdmin;
  if (admin?.drawnPassword === undefined) return;
  process.stdout.write(`  Admin       ${admin.email}\n  Password    ${admin.drawnPassword}   (shown this once)\n`);
}

/** Aborts at the first signal to stop; the second one ends the process at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const onSignal = () => {
    // eslint-disable-next-line unicorn/no-process-exit -- a second signal means: now
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return controller.signal;
}

async function stop(app: App, withinMs: number): Promise<number> {
  if ((await within(app.close(), withinMs)) !== 'late') return 0;
  process.stderr.write('Sparekey did not stop in time.\n');
  // eslint-disable-next-line unicorn/no-process-exit -- what hangs would hold the process
  process.exit(1);
}

async function within<T>(task: Promise<T>, ms: number): Promise<T | 'late'> {
  const timeout = new Promise<'late'>((resolve) => setTimeout(resolve, ms, 'late').unref());
  return await Promise.race([task, timeout]);
}

/** What an operator may read of a failed start: our own words, or the system's error code. */
function reasonOf(error: unknown): string {
  if (error instanceof StartRefusedError) return error.message;
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? ` (${String(error.code)})` : '';
  return `${error.message}${code}`;
}
