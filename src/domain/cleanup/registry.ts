import { auditEvents } from './tasks/audit-events.js';
import { batchHistory } from './tasks/batch-history.js';
import { copies } from './tasks/copies.js';
import { emailChangeRequests } from './tasks/email-change-requests.js';
import { emailLog } from './tasks/email-log.js';
import { jobs } from './tasks/jobs.js';
import { oidcClientKeys } from './tasks/oidc-client-keys.js';
import { outbox } from './tasks/outbox.js';
import { purgeReports } from './tasks/purge-reports.js';
import { rateLimits } from './tasks/rate-limits.js';
import { recoveryCodes } from './tasks/recovery-codes.js';
import { sessions } from './tasks/sessions.js';
import { signingKeys } from './tasks/signing-keys.js';
import { unverifiedAccounts } from './tasks/unverified-accounts.js';
import { verificationTokens } from './tasks/verification-tokens.js';
import type { CleanupTask } from './task.js';

/** Every cleanup task there is. A task is one file and its line here. */
const tasks = [
  recoveryCodes,
  batchHistory,
  auditEvents,
  emailLog,
  purgeReports,
  unverifiedAccounts,
  emailChangeRequests,
  verificationTokens,
  sessions,
  signingKeys,
  copies,
  rateLimits,
  outbox,
  jobs,
  oidcClientKeys,
] as const;

export type TaskName = (typeof tasks)[number]['name'];

export const taskNames: readonly TaskName[] = tasks.map(({ name }) => name);

const byName: ReadonlyMap<string, CleanupTask<TaskName>> = new Map(tasks.map((task) => [task.name, task]));

export function taskOf(name: TaskName): CleanupTask<TaskName> {
  return byName.get(name) as CleanupTask<TaskName>;
}
