import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { connectDatabase } from '../../src/database/connect.js';
import { AccessTokens, type VerifiedClaims } from '../../src/domain/accounts/access-tokens.js';
import { KeyRotation } from '../../src/domain/accounts/key-rotation.js';
import { rotateSigningKey, type SigningKeyRotation } from '../../src/domain/accounts/rotate-signing-key.js';
import type { SigningKeyRecord } from '../../src/domain/accounts/signing-key-rows.js';
import { SigningKeys } from '../../src/domain/accounts/signing-keys.js';
import { LiveSessions } from '../../src/domain/live/live-sessions.js';
import { PASSWORD } from '../support/accounts.js';
import { cleanUp } from '../support/cleanup.js';
import { withClockOffset } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { makeOwner, openRules, outcomeOf, type Owner, type Rules } from '../support/rules.js';
import { SaidSignals } from '../support/said-signals.js';

const TTL = 86_400;
const DAY = 86_400;
const ISSUER = 'http://localhost';

let rules: Rules;
let admin: Owner;
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  rules = await openRules({ ACCESS_TOKEN_TTL_SECONDS: String(TTL), KEY_ROTATION_TTL_SECONDS: String(TTL) });
  admin = await makeOwner(rules, { role: 'ADMIN' });
});
beforeEach(async () => {
  await rules.database.rows('delete from signing_keys');
  await rules.services.signingKeys.ensure();
  rules.services.signingKeys.forget();
});
afterEach(async () => {
  jest.restoreAllMocks();
  await Promise.all(closers.splice(0).map((close) => close()));
});
afterAll(() => rules.close());

/** Keys as another process has them that hears only what a test says, and for which it is so much later. */
function anotherProcess(laterBy = 0) {
  const connection = connectDatabase({ url: withClockOffset(rules.database.url, laterBy), poolSize: 2 });
  closers.push(() => connection.close());
  const signals = new SaidSignals();
  const keys = new SigningKeys(connection.db, { keyring: rules.keyring, signals, rotationTtlSeconds: TTL });
  const tokens = new AccessTokens(keys, { issuer: () => ISSUER, ttlSeconds: TTL });
  return { keys, signals, tokens, db: connection.db };
}

type Process = ReturnType<typeof anotherProcess>;

async function sign({ tokens }: Process): Promise<string> {
  const sign = await tokens.signer();
  return (await sign({ accountId: admin.id, sessionId: admin.viewer.sessionId })).token;
}

const isTaken = async ({ tokens }: Process, token: string) => (await tokens.verify(token)) !== undefined;
const publishedBy = async ({ keys }: Process) => (await keys.jwks()).keys.map(({ kid }) => kid);
const rotate = (wish = {}, by = admin) => rules.services.keyRotation.rotate(by.viewer, by.origin, wish);
const list = () => rules.services.keyRotation.list(admin.viewer);

async function grow(days: number): Promise<void> {
  await rules.database.rows(
    `update signing_keys set created_at = sparekey_now() - make_interval(secs => $1) where is_current`,
    [days * DAY],
  );
}

const events = () =>
  rules.database.rows<{ reason: string; actor: string | null }>(
    `select reason, actor_id as actor from audit_events where action = 'KEY_ROTATED' order by created_at, id`,
  );

async function forgetEvents(): Promise<void> {
  await rules.database.rows('alter table audit_events disable trigger user');
  await rules.database.rows('truncate audit_events, outbox');
  await rules.database.rows('alter table audit_events enable trigger user');
}

describe('a rotation', () => {
  it('makes a new current key, and leaves the previous one valid for KEY_ROTATION_TTL_SECONDS to the microsecond', async () => {
    const [before] = (await list()) as [SigningKeyRecord];
    const made = await rotate();
    expect(made).toEqual({
      kid: expect.stringMatching(/^[\w-]{43}$/),
      algorithm: 'EdDSA',
      isCurrent: true,
      createdAt: expect.any(Date),
      expiresAt: null,
    });
    expect(await list()).toEqual([made, { ...before, isCurrent: false, expiresAt: expect.any(Date) }]);
    const [{ isExact } = {}] = await rules.database.rows(
      `select former.expires_at = fresh.created_at + make_interval(secs => $1) as "isExact"
       from signing_keys former, signing_keys fresh where not former.is_current and fresh.is_current`,
      [TTL],
    );
    expect(isExact).toBe(true);
  });

  it('leaves keys that were rotated earlier the end that they had', async () => {
    await rotate();
    const [, former] = (await list()) as [SigningKeyRecord, SigningKeyRecord];
    await rotate();
    expect((await list()).find(({ kid }) => kid === former.kid)).toEqual(former);
  });

  it('signs with the new key at once, and refuses no token of the old one', async () => {
    const process = anotherProcess();
    const before = await sign(process);
    await rotate();
    process.signals.say('sparekey_keys_changed', '');
    const after = await sign(process);
    expect([await isTaken(process, before), await isTaken(process, after)]).toEqual([true, true]);
    expect(await publishedBy(process)).toEqual((await list()).map(({ kid }) => kid));
    expect((await process.keys.current()).kid).toBe((await list())[0]?.kid);
  });

  it('is told once in the audit and to ADMIN_EMAIL, with who did it and from where', async () => {
    await forgetEvents();
    const made = await rotate();
    const revoking = await rotate({ revokePrevious: true });
    const reasons = [
      `by hand; the new key is ${made.kid}`,
      `by hand, previous keys revoked; the new key is ${revoking.kid}`,
    ];
    expect(await events()).toEqual(reasons.map((reason) => ({ reason, actor: admin.id })));
    const notices = await rules.database.rows<{ payload: unknown }>(
      `select payload from outbox where topic = 'admin-notice' order by id`,
    );
    const told = { what: 'signing-key-rotated', actorId: admin.id, at: expect.any(String) };
    const origin = { ipAddress: '192.0.2.1', userAgent: 'Firefox on Linux' };
    expect(notices).toEqual(reasons.map((about) => ({ payload: { ...told, ...origin, about } })));
  });

  it('is for admins in a PASSWORD session, who signed in lately or give the password', async () => {
    const stale = { ...admin, viewer: { ...admin.viewer, secondsSinceAuthentication: 601 } };
    const byCode = { ...admin, viewer: { ...admin.viewer, method: 'RECOVERY_CODE' as const } };
    const somebody = await makeOwner(rules);
    const before = await list();
    expect(await outcomeOf(rotate({}, stale))).toBe('REAUTHENTICATION_REQUIRED');
    expect(await outcomeOf(rotate({ currentPassword: 'a wrong password' }, stale))).toBe('INVALID_CREDENTIALS');
    expect(await outcomeOf(rotate({}, byCode))).toBe('FORBIDDEN');
    expect(await outcomeOf(rotate({}, somebody))).toBe('FORBIDDEN');
    expect(await list()).toEqual(before);
    expect(await rotate({ currentPassword: PASSWORD }, stale)).toMatchObject({ isCurrent: true });
  });
});

describe('at the end of a rotated key, by the clock of the database', () => {
  // What a statement takes on a busy machine lies between.
  it.each([-600, -30, -5, 1, 5, 600])('the document and verification agree, %d seconds later', async (late) => {
    const before = anotherProcess();
    const token = await sign(before);
    const { kid } = await before.keys.current();
    await rotate();
    const process = anotherProcess(TTL + late);
    const shown = [(await publishedBy(process)).includes(kid), await isTaken(process, token)];
    expect(shown).toEqual([late < 0, late < 0]);
  });

  it('both let it go to the moment in a process that has read the keys before', async () => {
    const process = anotherProcess();
    const token = await sign(process);
    const { kid } = await process.keys.current();
    await rotate();
    await rules.database.rows(`update signing_keys set expires_at = sparekey_now() + interval '30 s' where kid = $1`, [
      kid,
    ]);
    process.keys.forget();
    expect(await publishedBy(process)).toContain(kid);
    const read = performance.now();
    const clock = jest.spyOn(performance, 'now');
    for (const [at, isLive] of [
      [read + 20_000, true],
      [read + 30_000, false],
    ] as const) {
      clock.mockReturnValue(at);
      expect([(await publishedBy(process)).includes(kid), await isTaken(process, token)]).toEqual([isLive, isLive]);
    }
  });

  it('nobody who keeps the document as long as he may believes a key that has ended', async () => {
    const process = anotherProcess();
    const maxAge = async (secondsLeft: number) => {
      await rules.database.rows(
        `update signing_keys set expires_at = sparekey_now() + make_interval(secs => $1) where not is_current`,
        [secondsLeft],
      );
      process.keys.forget();
      return (await process.keys.jwks()).maxAgeSeconds;
    };
    expect((await process.keys.jwks()).maxAgeSeconds).toBe(300);
    await rotate();
    expect(await maxAge(3_600)).toBe(300);
    expect(await maxAge(120)).toBeLessThan(120);
    expect(await maxAge(120)).toBeGreaterThan(60);
    expect(await maxAge(0.5)).toBe(0);
  });

  it('the document is kept for a part of a short grace only', async () => {
    const parts = { keyring: rules.keyring, signals: new SaidSignals() };
    const maxAgeWith = async (rotationTtlSeconds: number) =>
      (await new SigningKeys(rules.db, { ...parts, rotationTtlSeconds }).jwks()).maxAgeSeconds;
    expect(await Promise.all([1, 2, 61, 599, 600, 601].map(maxAgeWith))).toEqual([0, 1, 30, 299, 300, 300]);
  });
});

describe('revoking previous keys', () => {
  it('ends all of them now, in every process that hears of it, and in the document', async () => {
    const process = anotherProcess();
    const tokens = [await sign(process)];
    for (let n = 0; n < 2; n += 1) {
      await rotate();
      process.signals.say('sparekey_keys_changed', '');
      tokens.push(await sign(process));
    }
    expect(await Promise.all(tokens.map((token) => isTaken(process, token)))).toEqual([true, true, true]);
    const made = await rotate({ revokePrevious: true });
    process.signals.say('sparekey_keys_changed', '');
    expect(await Promise.all(tokens.map((token) => isTaken(process, token)))).toEqual([false, false, false]);
    expect(await publishedBy(process)).toEqual([made.kid]);
    expect(await isTaken(process, await sign(process))).toBe(true);
    expect((await list()).map(({ isCurrent }) => isCurrent)).toEqual([true, false, false, false]);
  });

  it('holds at once in the process that does it, which hears nothing', async () => {
    const token = await sign({ ...anotherProcess(), tokens: tokensOf(rules) });
    expect(await tokensOf(rules).verify(token)).toBeDefined();
    await rotate({ revokePrevious: true });
    expect(await tokensOf(rules).verify(token)).toBeUndefined();
  });

  it('holds within five seconds while no word can come, and at once when it comes again', async () => {
    const [deaf, gap] = [anotherProcess(), anotherProcess()];
    const token = await sign(deaf);
    expect([await isTaken(deaf, token), await isTaken(gap, token)]).toEqual([true, true]);
    deaf.signals.isUp = false;
    await rotate({ revokePrevious: true });
    gap.signals.gap();
    expect(await isTaken(gap, token)).toBe(false);
    expect(await isTaken(deaf, token)).toBe(true);
    const fiveSecondsOn = performance.now() + 5_000;
    jest.spyOn(performance, 'now').mockReturnValue(fiveSecondsOn);
    expect(await isTaken(deaf, token)).toBe(false);
  });

  it('holds within five seconds for keys that were read before anything could be heard', async () => {
    const process = anotherProcess();
    process.signals.isUp = false;
    const token = await sign(process);
    await rotate({ revokePrevious: true });
    process.signals.isUp = true;
    const fiveSecondsOn = performance.now() + 5_000;
    jest.spyOn(performance, 'now').mockReturnValue(fiveSecondsOn);
    expect(await isTaken(process, token)).toBe(false);
  });

  it('ends sockets that were opened by its tokens, and no others', async () => {
    const process = anotherProcess();
    // What cannot be read for the moment is read a little later.
    const parts = { db: process.db, signals: process.signals, keys: process.keys, onFault: () => undefined };
    const sessions = new LiveSessions(parts);
    // By the word of it, and not because they are looked at every few seconds.
    jest.spyOn(globalThis, 'setInterval').mockReturnValue({ unref: () => undefined } as never);
    const ended: string[] = [];
    const open = async (name: string) => {
      const claims = await process.tokens.verify(await sign(process));
      return await sessions.enter(claims as VerifiedClaims, () => void ended.push(name));
    };
    await open('first');
    await rotate();
    process.signals.say('sparekey_keys_changed', '');
    const second = await open('second');
    expect([ended, second?.viewer.kind]).toEqual([[], 'signed-in']);
    await rotate({ revokePrevious: true });
    await eventually(() => {
      process.signals.say('sparekey_keys_changed', '');
      return ended.length === 2;
    });
    const third = await open('third');
    process.signals.say('sparekey_keys_changed', '');
    expect(await third?.check()).toMatchObject({ kind: 'signed-in' });
    expect(ended.toSorted()).toEqual(['first', 'second']);
    third?.leave();
  });

  it('is not undone by a read that began before', async () => {
    const process = anotherProcess();
    const token = await sign(process);
    const answer = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const held = withReads(async (read) => {
      const rows = await read();
      asked.resolve();
      await answer.promise;
      return rows;
    });
    process.keys.forget();
    const reading = process.keys.current();
    await asked.promise;
    held.restore();
    await rotate({ revokePrevious: true });
    process.signals.say('sparekey_keys_changed', '');
    const taken = isTaken(process, token);
    answer.resolve();
    await reading;
    expect([await taken, await isTaken(process, token)]).toEqual([false, false]);
  });
});

/** As the process of the rules itself has them. */
function tokensOf({ services }: Rules): AccessTokens {
  return new AccessTokens(services.signingKeys, { issuer: () => ISSUER, ttlSeconds: TTL });
}

describe('rotations at the same time', () => {
  const together = async (count: number, rotation: Partial<SigningKeyRotation> = {}) => {
    const whole = { ttlSeconds: TTL, isPreviousRevoked: false, occasion: 'by hand', source: {}, ...rotation } as const;
    const processes = Array.from({ length: count }, () => anotherProcess());
    return await Promise.all(processes.map(({ db }) => rotateSigningKey(db, rules.keyring, whole)));
  };

  it('are each one of their own, with one current key at the end and every other one on its way out', async () => {
    await forgetEvents();
    const made = await together(6);
    expect(new Set(made.map((key) => key?.kid)).size).toBe(6);
    const keys = await list();
    expect(keys.map(({ isCurrent }) => isCurrent)).toEqual([true, ...Array.from({ length: 6 }, () => false)]);
    expect(keys.filter(({ expiresAt }) => expiresAt === null)).toHaveLength(1);
    expect(await events()).toHaveLength(6);
  });

  it('leave one current key beside starts, with and without one before', async () => {
    for (const before of [1, 0]) {
      if (before === 0) await rules.database.rows('delete from signing_keys');
      const starts = Array.from({ length: 4 }, () => anotherProcess().keys.ensure());
      const ended = await Promise.allSettled([together(3), ...starts]);
      expect(ended.slice(1).map(({ status }) => status)).toEqual(starts.map(() => 'fulfilled'));
      expect((await list()).filter(({ isCurrent }) => isCurrent)).toHaveLength(1);
      expect(await publishedBy(anotherProcess())).toEqual((await list()).map(({ kid }) => kid));
    }
  });

  it('that revoke leave one key that proves anything', async () => {
    await together(4, { isPreviousRevoked: true });
    expect(await publishedBy(anotherProcess())).toEqual([(await list())[0]?.kid]);
  });

  it('that depend on the age of the key are one', async () => {
    await grow(91);
    const made = await together(6, { ifOlderThanDays: 90, occasion: 'as scheduled' });
    expect(made.filter((key) => key !== undefined)).toHaveLength(1);
    expect(await list()).toHaveLength(2);
  });
});

describe('the rotation of old keys', () => {
  const dueWith = (days: number) =>
    new KeyRotation(rules.db, {
      ...rules,
      settings: { accounts: { keyRotationTtlSeconds: TTL, keyRotationIntervalDays: days } },
      signingKeys: rules.services.signingKeys,
      reauthentication: undefined as never,
    }).rotateIfDue();

  it.each([
    [90, 89.99, false],
    [90, 90.01, true],
    [1, 0.99, false],
    [1, 1.01, true],
    [36_500, 36_499, false],
  ])('with KEY_ROTATION_INTERVAL_DAYS %d and a key %d days old: %p', async (days, age, isRotated) => {
    await forgetEvents();
    await grow(age);
    const [before] = (await list()) as [SigningKeyRecord];
    const made = await dueWith(days);
    expect(made === undefined).toBe(!isRotated);
    const keys = await list();
    expect(keys.map(({ kid }) => kid)).toEqual(isRotated ? [made?.kid, before.kid] : [before.kid]);
    expect(await events()).toEqual(
      isRotated ? [{ reason: `as scheduled; the new key is ${made?.kid}`, actor: null }] : [],
    );
  });
});

describe('cleaning up keys', () => {
  it('removes the expired ones and never the current one, however old', async () => {
    await rotate();
    await rotate();
    const [current, kept, expired] = (await list()) as [SigningKeyRecord, SigningKeyRecord, SigningKeyRecord];
    await grow(1_000);
    await rules.database.rows('update signing_keys set expires_at = sparekey_now() where kid = $1', [expired.kid]);
    const dry = await cleanUp(rules, { task: 'SIGNING_KEYS', isDryRun: true });
    expect(dry).toMatchObject({ status: 'SUCCEEDED', total: 1, counts: { rows: 1 } });
    expect(await list()).toHaveLength(3);
    expect(await cleanUp(rules, { task: 'SIGNING_KEYS' })).toMatchObject({ total: 1, counts: { rows: 1 } });
    expect((await list()).map(({ kid }) => kid)).toEqual([current.kid, kept.kid]);
    expect(await cleanUp(rules, { task: 'SIGNING_KEYS' })).toMatchObject({ total: 0, counts: { rows: 0 } });
  });
});

describe('the keys of a process', () => {
  it('are asked for anew a few times for 20 made-up names at once', async () => {
    const process = anotherProcess();
    await process.keys.current();
    let reads = 0;
    const counted = withReads((read) => ((reads += 1), read()));
    await Promise.all(Array.from({ length: 20 }, () => process.keys.publicKey(randomBytes(32).toString('base64url'))));
    counted.restore();
    expect(reads).toBeGreaterThanOrEqual(1);
    expect(reads).toBeLessThanOrEqual(6);
  });

  it('are read once a minute where it is heard of every change, and every five seconds where not', async () => {
    const readsIn = async (seconds: number, isUp: boolean) => {
      const process = anotherProcess();
      process.signals.isUp = isUp;
      await process.keys.current();
      const begun = performance.now();
      const clock = jest.spyOn(performance, 'now');
      let reads = 0;
      const counted = withReads((read) => ((reads += 1), read()));
      for (let at = 1; at <= seconds; at += 1) {
        clock.mockReturnValue(begun + at * 1_000);
        await process.keys.current();
      }
      counted.restore();
      clock.mockRestore();
      return reads;
    };
    expect(await readsIn(59, true)).toBe(0);
    expect(await readsIn(61, true)).toBe(1);
    expect(await readsIn(21, false)).toBe(4);
  });
});

/** Has each read of the keys, in whichever process of this test, done by `how`. */
function withReads(how: (read: () => Promise<unknown>) => Promise<unknown>): { restore(): void } {
  const original = pg.Client.prototype.query;
  pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
    const run = () => (original as (...all: unknown[]) => Promise<unknown>).apply(this, args);
    const [query] = args as [{ text?: string } | string];
    const text = typeof query === 'string' ? query : (query.text ?? '');
    return /from signing_keys/.test(text) ? how(run) : run();
  } as typeof original;
  const restore = () => void (pg.Client.prototype.query = original);
  return { restore };
}
