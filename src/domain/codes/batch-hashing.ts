import { type RawBuilder, sql } from 'kysely';
import type { Keyring } from '../crypto/keyring.js';
import type { Database } from '../database.js';
import type { CodeHashing, HashParameters } from './code-hash.js';

/** What a typed code is to be hashed with, and the batch to look it up in. */
export interface HashTarget {
  readonly batchId: string;
  readonly hashing: CodeHashing;
}

/** No batch has it, so that looking up in it is the same work as looking up in a real one, and finds nothing. */
const NO_BATCH = '00000000-0000-0000-0000-000000000000';
const REFRESH_MS = 60_000;

/**
 * What a typed code is hashed with: what the account's batch was, and where there is none, a decoy with parameters that
 * active batches use, picked by the subject, so that neither work nor time tells the two apart.
 */
export class BatchHashings {
  #inUse: readonly HashParameters[];
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly db: Database,
    private readonly keyring: Keyring,
    configured: HashParameters,
  ) {
    this.#inUse = [configured];
  }

  /** The batch whose codes may be spent. */
  async activeTarget(accountId: string | undefined, subject: string): Promise<HashTarget> {
    return await this.#target(subject, sql`account_id = ${accountId ?? NO_BATCH} and status = 'ACTIVE'`);
  }

  /** The newest batch, ended or not, for its owner to be told what became of a code. */
  async newestTarget(accountId: string, subject: string): Promise<HashTarget> {
    return await this.#target(subject, sql`account_id = ${accountId}`);
  }

  async #target(subject: string, isCandidate: RawBuilder<boolean>): Promise<HashTarget> {
    // Nobody waits for it; while it fails, what was read last stays in use.
    this.refresh().catch(() => undefined);
    const { rows } = await sql<{ batchId: string; isActive: boolean } & CodeHashing>`
      select id as batch_id, status = 'ACTIVE' as is_active, salt, pepper_key_id, hash_memory_kib as memory_kib,
        hash_passes as passes
      from recovery_code_batches where ${isCandidate} order by number desc limit 1
    `.execute(this.db);
    const [found] = rows;
    // The key of an ended batch may be gone by right; then nothing can be said of its codes.
    if (found === undefined || !(found.isActive || this.keyring.knows(found.pepperKeyId))) return this.#decoy(subject);
    const { batchId, isActive, ...hashing } = found;
    return { batchId, hashing };
  }

  /** Reads which parameters active batches use, at most once a minute. */
  async refresh(): Promise<void> {
    if (performance.now() - this.#readAt < REFRESH_MS) return;
    this.#readAt = performance.now();
    const { rows } = await sql<HashParameters>`
      with recursive used as (
        (select hash_memory_kib, hash_passes from recovery_code_batches where status = 'ACTIVE'
          order by hash_memory_kib, hash_passes limit 1)
        union all
        select following.* from used, lateral (
          select hash_memory_kib, hash_passes from recovery_code_batches
          where status = 'ACTIVE' and (hash_memory_kib, hash_passes) > (used.hash_memory_kib, used.hash_passes)
          order by hash_memory_kib, hash_passes limit 1) following
      )
      select hash_memory_kib as memory_kib, hash_passes as passes from used
    `.execute(this.db);
    if (rows.length > 0) this.#inUse = rows;
  }

  #decoy(subject: string): HashTarget {
    const mark = this.keyring.mark('decoy', subject);
    const parameters = this.#inUse[mark.readUInt32BE(0) % this.#inUse.length] as HashParameters;
    const hashing = { ...parameters, salt: mark.subarray(16), pepperKeyId: this.keyring.currentId };
    return { batchId: NO_BATCH, hashing };
  }
}
