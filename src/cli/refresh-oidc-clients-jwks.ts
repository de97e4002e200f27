import { Command } from 'commander';
import type { Config } from '../config/config.js';
import { findReport } from '../domain/cleanup/read-reports.js';
import type { Report } from '../domain/cleanup/report.js';
import { insertReport } from '../domain/cleanup/report-rows.js';
import { parametersOf } from '../domain/cleanup/run-parameters.js';
import type { Database } from '../domain/database.js';
import type { Refreshed } from '../domain/issuers/key-refresh.js';
import { prepareStores } from '../stores.js';
import { reportForJson } from './cleanup-command.js';
import { runReport } from './run-report.js';
import { withStores } from './with-stores.js';

interface Options {
  readonly json?: boolean;
}

/** Fetches the keys of every enabled trusted issuer, as the daily run does, and says of each what became of it. */
export const refreshOidcClientsJwks = new Command('refresh-oidc-clients-jwks')
  .description("Fetch every trusted issuer's signing keys anew. Exits 1 if one could not be fetched.")
  .option('--json', 'print the report and what became of each issuer as JSON')
  .action(async ({ json: isJson = false }: Options) => {
    await withStores(async (stores, config) => {
      await prepareStores(stores, config);
      const refreshed: Refreshed[] = [];
      const report = await refresh(stores.connection.db, config, (one) => {
        refreshed.push(one);
        if (!isJson) console.log(lineOf(one));
      });
      if (isJson)
        console.log(JSON.stringify({ ...reportForJson(report), clients: refreshed.map(clientForJson) }, null, 2));
      else if (report.error !== null) console.error(`${report.status}: ${report.error}`);
      process.exitCode = report.status === 'SUCCEEDED' ? 0 : 1;
    });
  });

async function refresh(db: Database, config: Config, refreshed: (one: Refreshed) => void): Promise<Report> {
  const id = (await insertReport(db, {
    ...parametersOf({ task: 'OIDC_CLIENT_KEYS' }, config),
    trigger: 'CLI',
    isDryRun: false,
    useLogger: config.purge.useLogger,
    emailReport: 'NEVER',
  })) as string;
  await runReport(db, { config, reportId: id, showsProgress: false, refreshed });
  return (await findReport(db, id)) as Report;
}

function lineOf({ client: { name, jwksUri }, keyCount, error }: Refreshed): string {
  const outcome = error === null ? `${keyCount} key(s)` : `failed: ${error}`;
  return `Fetching signing keys for '${name}' from '${jwksUri}'… ${outcome}`;
}

function clientForJson({ client: { id, name, issuer, jwksUri }, keyCount, error, ms }: Refreshed) {
  return { id, name, issuer, jwksUri, ok: error === null, keyCount, error, durationMs: ms };
}
