import { createClient } from 'graphql-ws';
import type { Client } from './client.ts';
import { expect } from './demo-error.ts';
import { printStep } from './print.ts';

export interface Admin {
  readonly email: string;
  readonly password: string;
}

interface Report {
  readonly status: string;
  readonly total: number;
  readonly isDryRun: boolean;
  readonly counts: readonly { readonly name: string; readonly count: number }[];
  readonly batches: { readonly edges: readonly { readonly node: { readonly batchId: string; purgedCount: number } }[] };
}

const SIGN_IN = `mutation($email: String!, $password: String!) {
  signIn(email: $email, password: $password) { accessToken account { role } }
}`;
const REPORT =
  'status isDryRun total counts { name count } batches(first: 5) { edges { node { batchId purgedCount } } }';
const REPORTED = `subscription { purgeReported { ${REPORT} } }`;
const DELETE_BATCH = `mutation($batchId: ID!) {
  deleteRecoveryCodeBatch(batchId: $batchId) { batch { status removedCount remainingCount } }
}`;
const DRY_RUN = `mutation { runCleanup(input: { task: RECOVERY_CODES, retentionDays: 0, dryRun: true }) { ${REPORT} } }`;
const PURGE =
  'mutation($batchId: ID!) { purgeRecoveryCodeBatch(batchId: $batchId, confirm: true) { status purgedAt } }';
const ARRIVES_WITHIN_MS = 10_000;

/**
 * A dashboard subscribes to reports; the visitor deletes their codes, an admin purges them, and the report arrives. Only
 * the visitor's own batch is purged: what else the server holds stays.
 */
export async function watchCleanup(
  client: Client,
  { admin, visitorToken, batchId }: { admin: Admin; visitorToken: string; batchId: string },
): Promise<void> {
  const { accessToken, account } = await client.ask({ query: SIGN_IN, variables: { ...admin } });
  expect(account.role === 'ADMIN', `${admin.email} is no admin.`);
  const dashboard = openDashboard(client.url, accessToken);
  try {
    const reported = dashboard.next((report) => report.batches.edges.some(({ node }) => node.batchId === batchId));
    await dashboard.isOpen;
    printStep(`subscription purgeReported, as ${admin.email}`, [['socket', 'open, and waiting for reports']]);

    const { batch } = await client.ask({ query: DELETE_BATCH, variables: { batchId }, token: visitorToken });
    expect(batch.status === 'PENDING_DELETION', `The deleted batch is ${batch.status}.`);
    printStep('deleteRecoveryCodeBatch(batchId)', [
      ['batch', `${batch.status}, ${batch.removedCount} codes removed, ${batch.remainingCount} left`],
    ]);

    const dry: Report = await client.ask({ query: DRY_RUN, token: accessToken });
    expect(dry.isDryRun && dry.total >= 10, 'A dry run does not find the deleted codes.');
    printStep('runCleanup(task: RECOVERY_CODES, retentionDays: 0, dryRun: true)', [
      ['would go', countsOf(dry)],
      ['removed', 'nothing: it was a dry run'],
    ]);

    const purged = await client.ask({ query: PURGE, variables: { batchId }, token: accessToken });
    expect(purged.status === 'PURGED', `The purged batch is ${purged.status}.`);
    printStep('purgeRecoveryCodeBatch(batchId, confirm: true)', [['batch', `${purged.status} at ${purged.purgedAt}`]]);

    const report = await reported;
    expect(report.total === 10, `The report tells of ${report.total} codes, not of 10.`);
    printStep('the report arrives at the dashboard', [
      ['status', report.status],
      ['removed', countsOf(report)],
    ]);
  } finally {
    await dashboard.close();
  }
}

function countsOf({ counts }: Report): string {
  return counts.map(({ name, count }) => `${count} ${name}`).join(', ');
}

function openDashboard(url: string, accessToken: string) {
  const opened = Promise.withResolvers<void>();
  const socket = createClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    connectionParams: { authorization: `Bearer ${accessToken}` },
    on: { connected: () => opened.resolve() },
  });
  return {
    isOpen: opened.promise,
    async next(isWanted: (report: Report) => boolean): Promise<Report> {
      const late = setTimeout(() => void socket.dispose(), ARRIVES_WITHIN_MS * 3);
      try {
        for await (const { data } of socket.iterate<{ purgeReported: Report }>({ query: REPORTED })) {
          if (data && isWanted(data.purgeReported)) return data.purgeReported;
        }
      } finally {
        clearTimeout(late);
      }
      expect(false, 'No report arrived.');
      throw new Error('Never.');
    },
    close: async () => {
      await socket.dispose();
    },
  };
}
