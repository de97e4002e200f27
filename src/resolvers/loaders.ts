import DataLoader from 'dataloader';
import type { Account } from '../domain/accounts/account.js';
import type { PendingEmailChange } from '../domain/accounts/email-change-requests.js';
import type { Session } from '../domain/accounts/sessions.js';
import type { Report, ReportLine } from '../domain/cleanup/report.js';
import type { Schedule } from '../domain/cleanup/schedules/schedules.js';
import type { Batch, Code } from '../domain/codes/batch.js';
import type { BatchPage } from '../domain/codes/read-batches.js';
import type { AuditEvent } from '../domain/events/read-audit.js';
import type { IssueCooldown } from '../domain/limits/limiter.js';
import type { Page, PageAsked } from '../domain/paging.js';
import type { Services } from '../domain/services.js';

/**
 * Gathers what the fields of one answer ask for one by one into one statement each. One set for each request. Nothing is
 * kept, since a document may hold several mutations, and each is to read what it left.
 */
export interface Loaders {
  readonly account: DataLoader<string, Account | undefined>;
  readonly activeBatch: DataLoader<string, Batch | undefined>;
  readonly batchesOfAccount: DataLoader<PageAsked, BatchPage>;
  readonly sessionsOfAccount: DataLoader<string, readonly Session[]>;
  readonly generateCooldown: DataLoader<string, IssueCooldown>;
  readonly pendingEmailChange: DataLoader<string, PendingEmailChange | undefined>;
  readonly auditOfAccount: DataLoader<PageAsked, Page<AuditEvent>>;
  readonly auditCount: DataLoader<string, number>;
  readonly codesOfBatch: DataLoader<string, readonly Code[]>;
  readonly schedule: DataLoader<string, Schedule | undefined>;
  readonly newestReport: DataLoader<string, Report | undefined>;
  readonly reportsOfSchedule: DataLoader<PageAsked, Page<Report>>;
  readonly reportCount: DataLoader<string, number>;
  readonly linesOfReport: DataLoader<PageAsked, Page<ReportLine>>;
  readonly lineCount: DataLoader<string, number>;
}

export function createLoaders(services: Services): Loaders {
  const { accounts, audit, recoveryCodes, schedules, cleanup } = services;
  const { belongings } = accounts;
  const { pages } = cleanup;
  return {
    account: new DataLoader((ids) => accounts.byIds(ids), { cache: false }),
    activeBatch: new DataLoader((ids) => belongings.activeBatches(ids), { cache: false }),
    batchesOfAccount: new DataLoader((asked) => belongings.batches(asked), { cache: false }),
    sessionsOfAccount: new DataLoader((ids) => belongings.sessions(ids), { cache: false }),
    generateCooldown: new DataLoader((ids) => belongings.generateCooldowns(ids), { cache: false }),
    pendingEmailChange: new DataLoader((ids) => services.emailChange.pendingOf(ids), { cache: false }),
    auditOfAccount: new DataLoader((asked) => audit.ofAccounts(asked), { cache: false }),
    auditCount: new DataLoader((ids) => audit.countsOf(ids), { cache: false }),
    codesOfBatch: new DataLoader((ids) => recoveryCodes.codesOf(ids), { cache: false }),
    schedule: new DataLoader((ids) => schedules.byIds(ids), { cache: false }),
    newestReport: new DataLoader((ids) => pages.newestOf(ids), { cache: false }),
    reportsOfSchedule: new DataLoader((asked) => pages.ofSchedules(asked), { cache: false }),
    reportCount: new DataLoader((ids) => pages.countsOf(ids), { cache: false }),
    linesOfReport: new DataLoader((asked) => pages.lines(asked), { cache: false }),
    lineCount: new DataLoader((ids) => pages.lineCounts(ids), { cache: false }),
  };
}
