import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp } from '../../src/app.js';
import { loadConfig } from '../../src/config/load-config.js';
import { copyBinding } from '../../src/domain/copies/code-copies.js';
import { keysInUse } from '../../src/domain/crypto/key-use.js';
import { Keyring, UnknownKeyError } from '../../src/domain/crypto/keyring.js';
import { UnauthenticatedError } from '../../src/domain/errors.js';
import { createLogger } from '../../src/server/logger.js';
import { StartRefusedError } from '../../src/stores.js';
import { auditOf, batchesOf, outboxOf } from '../support/batch-rows.js';
import { from, issueCodes, makeOwner, openRules, outcomeOf, type Owner, type Rules } from '../support/rules.js';

const newKey = () => randomBytes(32).toString('base64url');
const keyIdOf = (key: string) => new Keyring(Buffer.from(key, 'base64url')).currentId;

let rules: Rules;
const [oldKey, nextKey] = [newKey(), newKey()];
beforeAll(async () => {
  rules = await openRules({ RECOVERY_KEY: oldKey });
});
afterAll(() => rules.close());

const verify = async ({ services }: Rules, { viewer, origin }: Owner, code: string | undefined) =>
  (await services.recoveryCodes.verify(viewer, origin, code as string)).outcome;

/** Whether a server starts on the database with these settings: true, or how it refuses. */
async function startsWith(overrides: Record<string, string>): Promise<unknown> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sparekey-keys-'));
  const { config } = loadConfig({
    DATABASE_URL: rules.database.url,
    DATA_DIR: dataDir,
    PORT: '0',
    LOG_LEVEL: 'error',
    ...overrides,
  });
  if (config === undefined) throw new Error('These settings are refused.');
  try {
    const app = await createApp(config, createLogger('error'));
    await app.start();
    await app.close();
    return true;
  } catch (error) {
    return error;
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

describe('the rotation of RECOVERY_KEY', () => {
  it('keeps codes valid that were issued under a previous key, on every path', async () => {
    const owner = await makeOwner(rules);
    const { codes } = await issueCodes(rules, owner);
    expect(await verify(rules, owner, codes[0])).toBe('ACCEPTED');

    const rotated = rules.with({ RECOVERY_KEY: nextKey, RECOVERY_KEY_PREVIOUS: `${newKey()},${oldKey}` });
    const { recoveryCodes, signIn } = rotated.services;
    expect(await verify(rotated, owner, codes[0])).toBe('REJECTED');
    expect(await verify(rotated, owner, codes[1])).toBe('ACCEPTED');
    expect(await recoveryCodes.test(owner.viewer, owner.origin, codes[2] as string)).toMatchObject({
      outcome: 'VERIFIED',
    });
    const revoked = await recoveryCodes.revoke(owner.viewer, owner.origin, {
      code: codes[3],
      to: 'INVALIDATED',
    });
    expect(revoked).toMatchObject({ outcome: 'DONE', batch: { usedCount: 2, invalidatedCount: 1 } });
    const signedIn = await signIn.withRecoveryCode(owner.origin, { email: owner.email, code: codes[4] as string });
    expect(signedIn.remainingCount).toBe(6);
  });

  it('issues under the current key from then on, and counts what still needs the old one', async () => {
    const owner = await makeOwner(rules);
    await issueCodes(rules, owner);
    const rotated = rules.with({ RECOVERY_KEY: nextKey, RECOVERY_KEY_PREVIOUS: oldKey });
    const before = await keysInUse(rotated.db, rotated.keyring);
    const { codes, id } = await issueCodes(rotated, owner);
    const after = await keysInUse(rotated.db, rotated.keyring);
    const uses = (keys: typeof before, key: string) => keys.find(({ keyId }) => keyId === keyIdOf(key))?.activeBatches;
    expect(uses(after, oldKey)).toBe((uses(before, oldKey) as number) - 1);
    expect(uses(after, nextKey)).toBe((uses(before, nextKey) ?? 0) + 1);
    const [stored] = await rules.database.rows('select pepper_key_id from recovery_code_batches where id = $1', [id]);
    expect(stored).toEqual({ pepper_key_id: keyIdOf(nextKey) });
    expect(await verify(rotated, owner, codes[0])).toBe('ACCEPTED');
  });

  it('gives the slot back and spends nothing where the key of a batch is missing after all', async () => {
    const owner = await makeOwner(rules);
    const { codes } = await issueCodes(rules, owner);
    const without = rules.with({ RECOVERY_KEY: nextKey });
    const outcomes: unknown[] = [];
    for (const code of codes.slice(0, 7)) {
      outcomes.push(await outcomeOf(without.services.recoveryCodes.verify(owner.viewer, owner.origin, code)));
    }
    // More than MAX_ATTEMPTS, none of them counted: never RATE_LIMITED.
    expect(outcomes.map(String)).toEqual(Array.from({ length: 7 }, () => expect.stringContaining(keyIdOf(oldKey))));
    expect(await verify(rules, owner, codes[0])).toBe('ACCEPTED');
  });

  it('reads the codes of a batch that ended as unknown ones once its key is gone', async () => {
    const before = await openRules({ RECOVERY_KEY: oldKey, MAX_ATTEMPTS: '3' });
    const owner = await makeOwner(before);
    const { viewer, origin, email } = owner;
    const { id, codes } = await issueCodes(before, owner);
    await before.services.recoveryCodes.deleteBatch(viewer, origin, id);
    const stored = await batchesOf(before.database, owner.id);
    expect(stored).toMatchObject([{ status: 'PENDING_DELETION' }]);
    await before.with({ RECOVERY_KEY: nextKey, RECOVERY_KEY_PREVIOUS: oldKey }).services.signingKeys.ensure();
    const after = before.with({ RECOVERY_KEY: nextKey });
    expect(await keysInUse(after.db, after.keyring)).not.toContainEqual(expect.objectContaining({ isKnown: false }));
    const signInAs = async (address: string) => {
      const outcomes: unknown[] = [];
      for (const code of codes.slice(0, 5)) {
        outcomes.push(await outcomeOf(after.services.signIn.withRecoveryCode(origin, { email: address, code })));
      }
      return outcomes;
    };
    const expected = [...Array.from({ length: 3 }, () => 'INVALID_CREDENTIALS'), 60, 120];
    expect(await signInAs(email)).toEqual(expected);
    expect(await signInAs(`nobody-${email}`)).toEqual(expected);
    // One for each attempt that was let through.
    expect(after.counts.get('hash/code')).toBe(6);
    const elsewhere = from('192.0.2.77');
    expect(await after.services.recoveryCodes.verify(viewer, elsewhere, codes[0] as string)).toMatchObject({
      outcome: 'REJECTED',
    });
    const revocation = { code: codes[1] as string, to: 'INVALIDATED' as const };
    expect(await after.services.recoveryCodes.revoke(viewer, elsewhere, revocation)).toMatchObject({
      outcome: 'NOT_FOUND',
    });
    expect(await batchesOf(before.database, owner.id)).toEqual(stored);
    await before.close();
  });

  it('refuses to start without the key of an active batch, says which one, and starts once it is given', async () => {
    await issueCodes(rules, await makeOwner(rules));
    const refused = await startsWith({ RECOVERY_KEY: nextKey });
    expect(refused).toBeInstanceOf(StartRefusedError);
    expect((refused as Error).message).toContain(keyIdOf(oldKey));
    expect((refused as Error).message).not.toContain(oldKey);
    expect(await startsWith({ RECOVERY_KEY: nextKey, RECOVERY_KEY_PREVIOUS: oldKey })).toBe(true);
  });

  it('refuses to start without the key of a live signing key too, and starts without a key that nothing needs', async () => {
    const third = newKey();
    await rules.database.rows(`update recovery_code_batches set status = 'SUPERSEDED', lapsed_count = issued_count
      - used_count - invalidated_count - removed_count where status = 'ACTIVE'`);
    // The start before re-sealed the signing key under nextKey.
    const refused = await startsWith({ RECOVERY_KEY: third });
    expect(refused).toBeInstanceOf(StartRefusedError);
    expect((refused as Error).message).toContain(keyIdOf(nextKey));
    expect((refused as Error).message).not.toContain(keyIdOf(oldKey));
    expect(await startsWith({ RECOVERY_KEY: third, RECOVERY_KEY_PREVIOUS: nextKey })).toBe(true);
    expect(await startsWith({ RECOVERY_KEY: third })).toBe(true);
  });
});

describe('hash parameters', () => {
  it('are those of the batch, so that other settings orphan no codes', async () => {
    const strong = await openRules({ RECOVERY_KEY: oldKey });
    const weak = strong.with({ CODE_GROUPS: '3', CODE_GROUP_LENGTH: '4' });
    const [first, second] = [await makeOwner(strong), await makeOwner(strong)];
    const byStrong = await issueCodes(strong, first);
    const byWeak = await issueCodes(weak, second);
    expect(byWeak.codes[0]).toMatch(/^[A-Za-z2-9]{4}-[A-Za-z2-9]{4}-[A-Za-z2-9]{4}$/);
    expect(await verify(weak, first, byStrong.codes[0])).toBe('ACCEPTED');
    expect(await verify(strong, second, byWeak.codes[0])).toBe('ACCEPTED');
    const parameters = await strong.database.rows(
      `select hash_memory_kib, hash_passes, octet_length(salt) as salt from recovery_code_batches order by hash_passes`,
    );
    expect(parameters).toEqual([
      { hash_memory_kib: 1024, hash_passes: 1, salt: 16 },
      { hash_memory_kib: 19_456, hash_passes: 2, salt: 16 },
    ]);
    await strong.close();
  });

  it('of an unknown account are picked from those in use by its address, always the same', async () => {
    const strong = await openRules({ RECOVERY_KEY: oldKey, MAX_ATTEMPTS: '1000' });
    const weak = strong.with({ CODE_GROUPS: '3', CODE_GROUP_LENGTH: '4' });
    // Where no batch is active they are those of the settings.
    for (const [by, parameters] of [
      [strong.with({}), { memoryKib: 1024, passes: 1 }],
      [weak, { memoryKib: 19_456, passes: 2 }],
    ] as const) {
      expect((await by.services.hashings.activeTarget(undefined, 'x')).hashing).toMatchObject(parameters);
    }
    await issueCodes(strong, await makeOwner(strong));
    await issueCodes(weak, await makeOwner(strong));
    const { hashings } = strong.services;
    await hashings.refresh();
    const picks = await Promise.all(
      Array.from({ length: 60 }, async (_, n) => (await hashings.activeTarget(undefined, `${n}@example.org`)).hashing),
    );
    const kinds = new Set(picks.map(({ memoryKib, passes }) => `${memoryKib}/${passes}`));
    expect(kinds).toEqual(new Set(['1024/1', '19456/2']));
    const again = (await hashings.activeTarget(undefined, '7@example.org')).hashing;
    expect(again).toEqual(picks[7]);
    expect((await hashings.activeTarget(undefined, '8@example.org')).hashing.salt).not.toEqual(again.salt);
    await strong.close();
  });
});

describe('the sealed copy of new codes', () => {
  it('opens with the keyring for its own session and batch, and for no other', async () => {
    const [owner, other] = [await makeOwner(rules), await makeOwner(rules)];
    const { id, codes } = await issueCodes(rules, owner);
    const [copy] = await rules.database.rows<{ sealed: Buffer; key_id: string; session_id: string }>(
      'select sealed, key_id, session_id from code_copies where batch_id = $1',
      [id],
    );
    expect(copy).toMatchObject({ key_id: keyIdOf(oldKey), session_id: owner.viewer.sessionId });
    const sealed = { keyId: copy?.key_id as string, bytes: copy?.sealed as Buffer };
    for (const code of codes) expect(sealed.bytes.includes(code)).toBe(false);
    const open = (keyring: Keyring, sessionId: string, batchId: string) =>
      keyring.open('copy', sealed, copyBinding({ sessionId, batchId }));
    expect(JSON.parse(open(rules.keyring, owner.viewer.sessionId, id))).toEqual(codes);
    expect(() => open(rules.keyring, other.viewer.sessionId, id)).toThrow(/unable to authenticate/);
    expect(() => open(rules.keyring, owner.viewer.sessionId, other.id)).toThrow(/unable to authenticate/);
    expect(() => open(new Keyring(Buffer.alloc(32)), owner.viewer.sessionId, id)).toThrow(UnknownKeyError);
    const rotated = new Keyring(Buffer.from(nextKey, 'base64url'), [Buffer.from(oldKey, 'base64url')]);
    expect(JSON.parse(open(rotated, owner.viewer.sessionId, id))).toEqual(codes);
    for (const position of [0, 20, sealed.bytes.length - 1]) {
      const changed = Buffer.from(sealed.bytes);
      changed[position] = (changed[position] as number) ^ 1;
      expect(() =>
        rules.keyring.open(
          'copy',
          { ...sealed, bytes: changed },
          copyBinding({ sessionId: owner.viewer.sessionId, batchId: id }),
        ),
      ).toThrow(/unable to authenticate/);
    }
  });

  it('lives for COPY_TTL_SECONDS, under a nonce of its own', async () => {
    const brief = rules.with({ COPY_TTL_SECONDS: '77' });
    const owner = await makeOwner(rules);
    await issueCodes(brief, owner);
    await issueCodes(rules, await makeOwner(rules));
    const copies = await rules.database.rows<{ life: number; nonce: string }>(
      `select extract(epoch from expires_at - created_at)::float8 as life, encode(substr(sealed, 1, 12), 'hex') as nonce
       from code_copies order by created_at desc`,
    );
    expect(copies.slice(0, 2).map(({ life }) => life)).toEqual([1800, 77]);
    expect(new Set(copies.map(({ nonce }) => nonce)).size).toBe(copies.length);
  });

  it('is wiped by signing out of its session', async () => {
    const owner = await makeOwner(rules);
    const { id } = await issueCodes(rules, owner);
    await rules.services.signIn.signOut(owner.viewer, owner.origin);
    expect(await rules.database.rows('select 1 from code_copies where batch_id = $1', [id])).toEqual([]);
  });

  it.each([
    ['was revoked', 'revoked_at = now()'],
    ['has expired', 'expires_at = now()'],
  ])('is not made, nor a batch, for a session that %s meanwhile', async (_how, ending) => {
    const owner = await makeOwner(rules);
    const { id } = await issueCodes(rules, owner);
    const state = async () => ({
      batches: await batchesOf(rules.database, owner.id),
      audit: await auditOf(rules.database, owner.id),
      outbox: await outboxOf(rules.database, owner.id),
      copies: await rules.database.rows(
        'select batch_id from code_copies where batch_id in (select id from recovery_code_batches where account_id = $1)',
        [owner.id],
      ),
    });
    const before = await state();
    expect(before).toMatchObject({ batches: [{ id, status: 'ACTIVE' }], copies: [{ batch_id: id }] });
    await rules.database.rows(`update sessions set ${ending} where id = $1`, [owner.viewer.sessionId]);
    await expect(issueCodes(rules, owner)).rejects.toBeInstanceOf(UnauthenticatedError);
    expect(await state()).toEqual(before);
  });

  it('is kept in a table that neither the write-ahead log nor a replica holds', async () => {
    const [table] = await rules.database.rows(
      `select relpersistence from pg_class where oid = 'code_copies'::regclass`,
    );
    expect(table).toEqual({ relpersistence: 'u' });
  });
});
