import argon2 from 'argon2';
import type pg from 'pg';

/** How a batch hashes its codes. */
export interface Hashing {
  readonly salt: Buffer;
  readonly memoryKib: number;
  readonly passes: number;
}

export async function hashingOf(db: pg.Pool, batchId: string): Promise<Hashing> {
  const { rows } = await db.query<Hashing>(
    `select salt, hash_memory_kib as "memoryKib", hash_passes as passes from recovery_code_batches where id = $1`,
    [batchId],
  );
  return rows[0] as Hashing;
}

/** The slow part of hashing a code, and nothing else. */
export async function bareHash(code: string, { salt, memoryKib, passes }: Hashing): Promise<Buffer> {
  return await argon2.hash(code, {
    raw: true,
    type: argon2.argon2id,
    salt,
    hashLength: 32,
    memoryCost: memoryKib,
    timeCost: passes,
    parallelism: 1,
  });
}
