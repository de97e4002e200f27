import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { ServerHold, type EmbeddedLog } from './embedded-hold.js';
import { openHome } from './embedded-home.js';
import { findPrograms } from './embedded-program.js';
import type { ServerSettings } from './embedded-server.js';
import { findServerUser } from './embedded-user.js';

export interface EmbeddedPostgresOptions {
  /** Made with mode 0700 where it is missing. */
  readonly dataDir: string;
  readonly log: EmbeddedLog;
  /** PostgreSQL's own settings for the server, when this call starts it. `fsync: 'off'` also hurries its first start. */
  readonly settings?: ServerSettings;
}

/** A running embedded PostgreSQL. */
export interface EmbeddedPostgres {
  /** Connection string of the role that owns Sparekey's database; it contains the role's password. */
  readonly url: string;
  /** Stops the server within 5 s, unless other processes still use it. */
  stop(): Promise<void>;
}

/**
 * Starts the embedded PostgreSQL of `dataDir`, or joins it where another process has started it: all of them share one
 * server, and the last to stop stops it. When it dies while it is in use, it is started again.
 *
 * @throws when the server does not answer within 60 s, or cannot start
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { log, settings = {} } = options;
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 });
  const dataDir = await realpath(options.dataDir);
  const user = await findServerUser(join(dataDir, 'postgres'));
  const programs = await findPrograms(user);
  const home = await openHome({
    dataDir,
    programs,
    user,
    isDurable: settings['fsync'] !== 'off',
    warn: (message) => log.warn(message),
  });
  const hold = new ServerHold({ ...home, programs, user, settings, logFile: join(dataDir, 'postgres.log') }, log);
  try {
    return { url: await hold.take(), stop: () => hold.release() };
  } catch (error) {
    await hold.release();
    throw error;
  }
}
