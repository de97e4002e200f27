import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { connectDatabase } from '../../src/database/connect.js';
import { AccessTokens } from '../../src/domain/accounts/access-tokens.js';
import { SigningKeys } from '../../src/domain/accounts/signing-keys.js';
import { Keyring } from '../../src/domain/crypto/keyring.js';
import { makeAccount } from '../support/accounts.js';
import { startTestApp } from '../support/app.js';
import { makeDatabase, type TestDatabase } from '../support/database.js';
import { TOGETHER } from '../support/later-app.js';
import { SaidSignals } from '../support/said-signals.js';

const ISSUER = 'http://localhost:4000';

let database: TestDatabase;
let key: Buffer;
let keyring: Keyring;
const closers: (() => Promise<void>)[] = [];

beforeEach(async () => {
  await database?.drop();
  database = await makeDatabase();
  key = randomBytes(32);
  keyring = new Keyring(key);
});
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});
afterAll(async () => {
  await database.drop();
});

interface Process {
  readonly keys: SigningKeys;
  readonly tokens: AccessTokens;
  readonly signals: SaidSignals;
}

/** Signing keys as a process of its own has them. */
function newProcess(ring = keyring): Process {
  const connection = connectDatabase({ url: database.url, poolSize: 2 });
  closers.push(() => connection.close());
  const signals = new SaidSignals();
  const keys = new SigningKeys(connection.db, { keyring: ring, signals, rotationTtlSeconds: 3_600 });
  return { keys, signals, tokens: new AccessTokens(keys, { issuer: () => ISSUER, ttlSeconds: 900 }) };
}

async function startedProcess(ring = keyring) {
  const process = newProcess(ring);
  await process.keys.ensure();
  return process;
}

interface KeyRow {
  readonly kid: string;
  readonly key_id: string;
  readonly is_current: boolean;
  readonly sealed_private_jwk: Buffer;
  readonly text: string;
}

function keyRows(): Promise<KeyRow[]> {
  return database.rows<KeyRow>('select *, k::text as text from signing_keys k order by created_at');
}

/** Makes the current key a former one that ends in so many seconds; the next start makes a new one. */
async function retireCurrent(seconds: number): Promise<void> {
  await database.rows(
    'update signing_keys set is_current = false, expires_at = now() + make_interval(secs => $1) where is_current',
    [seconds],
  );
}

const anyone = { accountId: '0198a000-0000-7000-8000-000000000001', sessionId: '0198a000-0000-7000-8000-000000000002' };
const verified = { ...anyone, expiresAt: expect.any(Date), kid: expect.any(String) };

async function sign({ tokens }: { tokens: AccessTokens }): Promise<string> {
  return (await (await tokens.signer())(anyone)).token;
}

async function publishedKids({ keys }: { keys: SigningKeys }): Promise<(string | undefined)[]> {
  return (await keys.jwks()).keys.map(({ kid }) => kid);
}

describe('signing keys', () => {
  it('are one current key, however many processes start at once', async () => {
    const processes = Array.from({ length: 8 }, () => newProcess());
    await Promise.all(processes.map(({ keys }) => keys.ensure()));
    const rows = await keyRows();
    expect(rows.map(({ is_current }) => is_current)).toEqual([true]);
    const current = await Promise.all(processes.map(async ({ keys }) => (await keys.current()).kid));
    expect(new Set(current)).toEqual(new Set([rows[0]?.kid]));
    const token = await sign(processes[0] as never);
    for (const { tokens } of processes) expect(await tokens.verify(token)).toEqual(verified);
  });

  it('stay the same at the next start', async () => {
    await startedProcess();
    const before = await keyRows();
    await startedProcess();
    expect(await keyRows()).toEqual(before);
  });

  it('keep their private half sealed in the database, for this very key', async () => {
    await startedProcess();
    const [row] = (await keyRows()) as [KeyRow];
    const sealed = { keyId: row.key_id, bytes: row.sealed_private_jwk };
    const { d } = JSON.parse(keyring.open('signing-key', sealed, { aad: row.kid })) as { d: string };
    const secret = Buffer.from(d, 'base64url');
    expect(secret).toHaveLength(32);
    for (const form of [d, secret.toString('hex'), secret.toString('base64'), Buffer.from(d).toString('hex')]) {
      expect(row.text).not.toContain(form);
    }
    expect(row.sealed_private_jwk.includes(secret)).toBe(false);
    expect(() => keyring.open('signing-key', sealed, { aad: 'another' })).toThrow(/unable to authenticate/);
    expect(() => keyring.open('outbox', sealed, { aad: row.kid })).toThrow(/unable to authenticate/);
    expect(() => new Keyring(randomBytes(32)).open('signing-key', sealed, { aad: row.kid })).toThrow(/No RECOVERY_KEY/);
  });

  it('are sealed anew at the start under a new RECOVERY_KEY, and prove tokens made before', async () => {
    const token = await sign(await startedProcess());
    await retireCurrent(3_600);
    const laterToken = await sign(await startedProcess());
    const [oldKey, newKey] = [key, randomBytes(32)];
    const before = await keyRows();
    expect(before.map(({ key_id }) => key_id)).toEqual([keyring.currentId, keyring.currentId]);

    const changing = new Keyring(newKey, [oldKey]);
    await startedProcess(changing);
    const after = await keyRows();
    expect(after.map(({ kid, key_id, is_current }) => [kid, key_id, is_current])).toEqual([
      [before[0]?.kid, changing.currentId, false],
      [before[1]?.kid, changing.currentId, true],
    ]);
    const withoutTheOld = await startedProcess(new Keyring(newKey));
    expect(await withoutTheOld.tokens.verify(token)).toEqual(verified);
    expect(await withoutTheOld.tokens.verify(laterToken)).toEqual(verified);
    expect(await withoutTheOld.tokens.verify(await sign(withoutTheOld))).toEqual(verified);
  });

  it('are left out once expired, in the document and in verification alike', async () => {
    const first = await startedProcess();
    const token = await sign(first);
    const [{ kid: oldKid }] = (await keyRows()) as [KeyRow];
    await retireCurrent(3_600);
    const second = await startedProcess();
    const [, { kid: newKid }] = (await keyRows()) as [KeyRow, KeyRow];
    expect(await publishedKids(second)).toEqual(expect.arrayContaining([oldKid, newKid]));
    expect(await second.tokens.verify(token)).toEqual(verified);
    expect((await second.keys.current()).kid).toBe(newKid);

    await database.rows(`update signing_keys set expires_at = now() where kid = $1`, [oldKid]);
    const third = await startedProcess();
    expect(await publishedKids(third)).toEqual([newKid]);
    expect(await third.tokens.verify(token)).toBeUndefined();
    expect(await third.tokens.verify(await sign(second))).toEqual(verified);
  });

  it('end to the moment in a process that has read them already', async () => {
    const token = await sign(await startedProcess());
    await retireCurrent(1);
    const process = await startedProcess();
    expect(await publishedKids(process)).toHaveLength(2);
    expect(await process.tokens.verify(token)).toEqual(verified);
    await delay(1_100);
    expect(await publishedKids(process)).toHaveLength(1);
    expect(await process.tokens.verify(token)).toBeUndefined();
  });

  it('are not read again for a name that no key can have, nor twice for one that none has', async () => {
    const process = await startedProcess();
    await process.keys.current();
    expect(await process.keys.publicKey('a'.repeat(43))).toBeUndefined();
    await database.rows('alter table signing_keys rename to hidden_keys');
    for (let n = 0; n < 20; n += 1) expect(await process.keys.publicKey(`unknown ${n}`)).toBeUndefined();
    expect(await process.keys.publicKey('a'.repeat(43))).toBeUndefined();
    await expect(process.keys.publicKey('b'.repeat(43))).rejects.toThrow('signing_keys');
    const token = await sign(process);
    expect(await process.tokens.verify(token)).toEqual(verified);
  });

  it('made elsewhere prove tokens at once, before any word of them', async () => {
    const [here, elsewhere] = [await startedProcess(), await startedProcess()];
    await here.keys.current();
    for (let n = 0; n < 5; n += 1) {
      await retireCurrent(3_600);
      await elsewhere.keys.ensure();
      elsewhere.keys.forget();
      expect(await here.tokens.verify(await sign(elsewhere))).toEqual(verified);
    }
  });
});

describe('starting with another RECOVERY_KEY', () => {
  it('is refused while the old one is missing, done with it among the previous, and possible without it afterwards', async () => {
    const [first, second] = [randomBytes(32), randomBytes(32)].map((bytes) => bytes.toString('base64url')) as [
      string,
      string,
    ];
    const shared = { database };
    const app = await startTestApp({ ...TOGETHER, RECOVERY_KEY: first }, shared);
    const account = await makeAccount(app);
    await app.close();

    await expect(startTestApp({ ...TOGETHER, RECOVERY_KEY: second }, shared)).rejects.toThrow(
      /^Still in use, and not configured: the key with id [0-9a-f]{16} \(0 batches, 1 signing keys\)/,
    );
    const changing = await startTestApp({ ...TOGETHER, RECOVERY_KEY: second, RECOVERY_KEY_PREVIOUS: first }, shared);
    expect((await changing.post('{ me { id } }', {}, { token: account.token })).data['me'].id).toBe(account.id);
    await changing.close();
    const changed = await startTestApp({ ...TOGETHER, RECOVERY_KEY: second }, shared);
    expect((await changed.post('{ me { id } }', {}, { token: account.token })).data['me'].id).toBe(account.id);
    await changed.close();
  });
});
