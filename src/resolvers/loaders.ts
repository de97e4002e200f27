import DataLoader from 'dataloader';
import type { Account } from '../domain/accounts/account.js';
import type { Report } from '../domain/cleanup/report.js';
import type { Schedule } from '../domain/cleanup/schedules/schedules.js';
import type { Code } from '../domain/codes/batch.js';
import type { Services } from '../domain/services.js';

/**
 * Gathers what the fields of one answer ask for one by one into one statement each. One set for each request. Nothing is
 * kept, since a document may hold several mutations, and each is to read what it left.
 */
export interface Loaders {
  readonly account: DataLoader<string, Account | undefined>;
  readonly codesOfBatch: DataLoader<string, readonly Code[]>;
  readonly schedule: DataLoader<string, Schedule | undefined>;
  readonly newestReport: DataLoader<string, Report | undefined>;
}

export function createLoaders({ accounts, recoveryCodes, schedules, cleanup }: Services): Loaders {
  return {
    account: new DataLoader((ids) => accounts.byIds(ids), { cache: false }),
    codesOfBatch: new DataLoader((ids) => recoveryCodes.codesOf(ids), { cache: false }),
    schedule: new DataLoader((ids) => schedules.byIds(ids), { cache: false }),
    newestReport: new DataLoader((ids) => cleanup.newestReports(ids), { cache: false }),
  };
}
