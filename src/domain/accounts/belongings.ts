import type { Batch } from '../codes/batch.js';
import { activeBatchesOf, type BatchPage, pagesOfBatches } from '../codes/read-batches.js';
import type { Database } from '../database.js';
import type { IssueCooldown, Limiter } from '../limits/limiter.js';
import { type PageAsked, pagesOf, parsePage } from '../paging.js';
import type { DomainSettings } from '../settings.js';
import { liveSessionsOf, type Session } from './sessions.js';

interface Parts {
  readonly history: DomainSettings['history'];
  readonly limiter: Limiter;
}

/**
 * What belongs to many accounts at once, by one statement for all that is asked alike, in the order of what is asked. For
 * those who hold the ids by right.
 */
export class Belongings {
  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {}

  /** The batch of each whose codes still work. */
  async activeBatches(accountIds: readonly string[]): Promise<readonly (Batch | undefined)[]> {
    const batches = await activeBatchesOf(this.db, accountIds);
    const byAccount = new Map(batches.map((batch) => [batch.accountId, batch]));
    return accountIds.map((id) => byAccount.get(id));
  }

  /** Of each the newest HISTORY_MAX_VISIBLE batches; a BadUserInputError in the place of what is asked wrongly. */
  async batches(asked: readonly PageAsked[]): Promise<readonly (BatchPage | Error)[]> {
    const { maxVisible, pageSize } = this.parts.history;
    return await pagesOf(asked, {
      parse: (request) => ({ ...parsePage(request, pageSize), maxVisible }),
      read: (ids, slice) => pagesOfBatches(this.db, ids, slice),
    });
  }

  /** The sessions of each that still let somebody in, latest first. */
  async sessions(accountIds: readonly string[]): Promise<readonly (readonly Session[])[]> {
    const sessions = await liveSessionsOf(this.db, accountIds);
    return accountIds.map((id) => sessions.get(id) ?? []);
  }

  async generateCooldowns(accountIds: readonly string[]): Promise<readonly IssueCooldown[]> {
    return await this.parts.limiter.issueCooldowns(accountIds);
  }
}
