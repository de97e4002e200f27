import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { createApp, loadConfig } from './program.ts';
import { settingsOf, type Stage } from './stage.ts';
import { fillForPurge } from './purge-filling.ts';

const FILLED = 'bench_filled';
const COPY = 'bench_copy';

/** Codes in the table: many in all, and how many of them a purge removes. */
export interface Extent {
  readonly codes: number;
  readonly eligible: number;
}

/** A database full of codes, of which copies are made to the byte: what is compared begins alike, however often. */
export interface PurgeGround extends Extent {
  /** How long filling it took, in seconds. */
  readonly filledIn: number;
  /** Runs with a fresh copy, which is removed afterwards. */
  onCopy<T>(run: (databaseUrl: string) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export async function openPurgeGround(stage: Stage, codes: number): Promise<PurgeGround> {
  const admin = new pg.Client({ connectionString: await superuserUrl(stage) });
  await admin.connect();
  const startedAt = performance.now();
  await admin.query(`create database ${FILLED} owner sparekey`);
  await migrate(stage, urlOf(stage, FILLED));
  const eligible = await fillForPurge(
    onDatabase(await superuserUrl(stage), FILLED),
    stage.app.stores.keyring.currentId,
    codes,
  );
  return {
    codes,
    eligible,
    filledIn: (performance.now() - startedAt) / 1000,
    async onCopy(run) {
      // By files, between two checkpoints: nothing of it is in the log that the purge writes to.
      await admin.query(`create database ${COPY} template ${FILLED} strategy file_copy owner sparekey`);
      try {
        return await run(urlOf(stage, COPY));
      } finally {
        await admin.query(`drop database ${COPY} with (force)`);
      }
    },
    async close() {
      await admin.query(`drop database ${FILLED} with (force)`);
      await admin.end();
    },
  };
}

/** As the program does it when it starts. */
async function migrate(stage: Stage, databaseUrl: string): Promise<void> {
  const { config } = loadConfig({ ...settingsOf(stage.dataDir), LOG_LEVEL: 'silent', DATABASE_URL: databaseUrl });
  if (config === undefined) throw new Error('These settings are none.');
  await (await createApp(config)).close();
}

function urlOf(stage: Stage, database: string): string {
  return onDatabase(stage.app.stores.databaseUrl, database);
}

function onDatabase(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = `/${database}`;
  return other.href;
}

/** The program's own role may make no databases. */
async function superuserUrl({ app, dataDir }: Stage): Promise<string> {
  const url = new URL(app.stores.databaseUrl);
  url.username = 'postgres';
  url.password = await readFile(join(dataDir, 'postgres', 'superuser.password'), 'utf8');
  url.pathname = '/postgres';
  return url.href;
}
