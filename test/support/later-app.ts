import { startTestApp, type TestApp } from './app.js';
import { withClockOffset } from './database.js';

/** What apps need so that one may stand in for another: tokens name their issuer, and tests say where they call from. */
export const TOGETHER = { PUBLIC_URL: 'http://localhost:4000', TRUST_PROXY: '127.0.0.1/32' };

/**
 * Another server on the same database, keys and mail folder, for which it is `seconds` later. Close it before `app`.
 * `app` must have been started with TOGETHER.
 */
export async function startLater(
  app: TestApp,
  seconds: number,
  overrides: Record<string, string> = {},
): Promise<TestApp> {
  const DATABASE_URL = withClockOffset(app.database.url, seconds);
  return await startTestApp({ ...app.settings, ...overrides, DATABASE_URL }, { database: app.database });
}

/** Runs `use` with such a server and closes it. */
export async function later<T>(
  app: TestApp,
  seconds: number,
  use: (later: TestApp) => Promise<T>,
  overrides: Record<string, string> = {},
): Promise<T> {
  const started = await startLater(app, seconds, overrides);
  try {
    return await use(started);
  } finally {
    await started.close();
  }
}
