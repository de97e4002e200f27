import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConflictError } from '../../src/domain/errors.js';
import { issueCodes, makeOwner, openRules, outcomeOf, type Owner, type Rules } from '../support/rules.js';

let rules: Rules;
let admin: Owner;
beforeAll(async () => {
  rules = await openRules();
  admin = await makeOwner(rules, { role: 'ADMIN' });
});
afterAll(() => rules.close());

/** A batch in which position 1 was used, 2 invalidated and 3 deleted, before what a case does. */
interface Scene {
  readonly owner: Owner;
  readonly batch: { readonly id: string; readonly codes: readonly string[] };
  code(position: number): string;
  codeId(position: number): Promise<string>;
}

/** Each code as its status, the times that are set, and which of them ended it; with its positions. */
const CODES_OF = `select position, status || coalesce(' ' || nullif(concat_ws('+',
    case when used_at is not null then 'used' end, case when invalidated_at is not null then 'invalidated' end,
    case when superseded_at is not null then 'superseded' end, case when deleted_at is not null then 'deleted' end), ''), '')
    || case ended_at when used_at then ', ended by use' when invalidated_at then ', ended by invalidation'
      when superseded_at then ', ended by superseding' when deleted_at then ', ended by deletion'
      when expires_at then ', ends by expiry' else '' end as state
  from recovery_codes where batch_id = $1 order by position`;

/** Everything that a transition can change: batches, codes, copies, audit and outbox of an account. */
async function stateOf({ owner: { id } }: Scene) {
  const { rows } = rules.database;
  const batches = await rows<Record<string, unknown> & { id: string }>(
    `select id, status, issued_count as issued, used_count as used, invalidated_count as invalidated,
       removed_count as removed, lapsed_count as lapsed, viewed_at is not null as viewed, deleted_at is not null as deleted,
       deleted_by, updated_at > created_at as updated
     from recovery_code_batches where account_id = $1 order by number`,
    [id],
  );
  const audit = await rows<Record<string, unknown>>(
    `select action, batch_id, code_id, actor_id, account_id, session_id, method, ip_address, user_agent, issued_count,
       removed_count, reason, count from audit_events where account_id = $1 order by id`,
    [id],
  );
  const outbox = await rows<{ topic: string; payload: Record<string, unknown> }>(
    `select topic, payload from outbox where payload->>'accountId' = $1 order by id`,
    [id],
  );
  const copies = await rows<{ batch_id: string; session_id: string }>(
    'select batch_id, session_id from code_copies where batch_id = any($1)',
    [batches.map((batch) => batch.id)],
  );
  const withCodes = await Promise.all(batches.map(async (batch) => ({ ...batch, codes: await codesOf(batch.id) })));
  return { batches: withCodes, audit, outbox, copies };
}

async function codesOf(batchId: string): Promise<Record<string, string>> {
  const codes = await rules.database.rows<{ position: number; state: string }>(CODES_OF, [batchId]);
  const byState = Map.groupBy(codes, ({ state }) => state);
  return Object.fromEntries([...byState].map(([state, of]) => [state, of.map(({ position }) => position).join(' ')]));
}

async function makeScene(expiresInDays?: number): Promise<Scene> {
  const owner = await makeOwner(rules);
  const batch = await issueCodes(rules, owner, expiresInDays);
  const code = (position: number) => batch.codes[position - 1] as string;
  const codeId = async (position: number) => {
    const [row] = await rules.database.rows<{ id: string }>(
      'select id from recovery_codes where batch_id = $1 and position = $2',
      [batch.id, position],
    );
    return row?.id as string;
  };
  const { recoveryCodes } = rules.services;
  await recoveryCodes.verify(owner.viewer, owner.origin, code(1));
  await recoveryCodes.revoke(owner.viewer, owner.origin, { code: code(2), to: 'INVALIDATED' });
  await recoveryCodes.revoke(owner.viewer, owner.origin, { code: code(3), to: 'PENDING_DELETION' });
  return { owner, batch, code, codeId };
}

const MIXED = {
  'USED used, ended by use': '1',
  'INVALIDATED invalidated, ended by invalidation': '2',
  'PENDING_DELETION deleted, ended by deletion': '3',
};
const MIXED_COUNTS = { issued: 10, used: 1, invalidated: 1, removed: 1, lapsed: 0 };
const UNTOUCHED = { viewed: false, deleted: false, deleted_by: null };

interface Case {
  readonly title: string;
  readonly expiresInDays?: number;
  /** What comes before, unobserved. */
  readonly before?: (scene: Scene) => Promise<unknown>;
  /** Returns what the call answered. */
  act(scene: Scene): Promise<unknown>;
  readonly answer?: unknown;
  /** What the batch of the scene, and those after it, are then; absent: nothing has changed. */
  readonly batches?: readonly object[];
  /** New audit events, by action, with what is particular of each; `code` is a position. */
  readonly audit: readonly ({ readonly action: string; readonly code?: number } & Record<string, unknown>)[];
  /** New messages. */
  readonly outbox: readonly object[];
  readonly isCopyKept: boolean;
}

const as = (scene: Scene) => [scene.owner.viewer, scene.owner.origin] as const;
const generate = (scene: Scene, expiresInDays?: number) => issueCodes(rules, scene.owner, expiresInDays);
const verify = async (scene: Scene, position: number) =>
  (await rules.services.recoveryCodes.verify(...as(scene), scene.code(position))).outcome;
const revoke = async (scene: Scene, selector: { code: string } | { codeId: string }, to: Revocation) =>
  (await rules.services.recoveryCodes.revoke(...as(scene), { ...selector, to })).outcome;
const deleteBatch = async (scene: Scene) =>
  (await rules.services.recoveryCodes.deleteBatch(...as(scene), scene.batch.id)).status;
const markViewed = async (scene: Scene) =>
  (await rules.services.recoveryCodes.markViewed(...as(scene), scene.batch.id)).viewedAt instanceof Date;
const testSetup = async (scene: Scene, code: string) =>
  (await rules.services.recoveryCodes.test(...as(scene), code)).outcome;
const expireNow = async ({ batch }: Scene) => {
  await rules.database.rows(
    `update recovery_code_batches set expires_at = created_at + interval '1 microsecond' where id = $1`,
    [batch.id],
  );
  await rules.database.rows(
    'update recovery_codes c set expires_at = b.expires_at from recovery_code_batches b where b.id = $1 and batch_id = $1',
    [batch.id],
  );
};
const spendAllButOne = async (scene: Scene) => {
  for (let position = 4; position < 10; position += 1) await verify(scene, position);
};
type Revocation = 'INVALIDATED' | 'PENDING_DELETION';

const NEW_BATCH = {
  status: 'ACTIVE',
  issued: 10,
  used: 0,
  invalidated: 0,
  removed: 0,
  lapsed: 0,
  ...UNTOUCHED,
  updated: false,
  codes: { ACTIVE: '1 2 3 4 5 6 7 8 9 10' },
};
const EXPIRED_MIX = {
  // The expiry came before the other ends, which keep their names all the same.
  'USED used, ends by expiry': '1',
  'INVALIDATED invalidated, ends by expiry': '2',
  'PENDING_DELETION deleted, ends by expiry': '3',
};

const cases: readonly Case[] = [
  {
    title: 'generating again supersedes the active batch: unspent codes lapse, the others keep how they ended',
    act: generate,
    batches: [
      {
        ...MIXED_COUNTS,
        ...UNTOUCHED,
        status: 'SUPERSEDED',
        lapsed: 7,
        codes: { ...MIXED, 'SUPERSEDED superseded, ended by superseding': '4 5 6 7 8 9 10' },
      },
      NEW_BATCH,
    ],
    audit: [{ action: 'BATCH_SUPERSEDED' }, { action: 'CODES_GENERATED', isOfNext: true, issued_count: 10 }],
    outbox: [{ topic: 'codes-issued', isReplacement: true, isOfNext: true }, { topic: 'batch-changed' }],
    isCopyKept: false,
  },
  {
    title: 'generating after expiry stores EXPIRED, never SUPERSEDED',
    expiresInDays: 1,
    before: expireNow,
    act: (scene) => generate(scene, 2),
    batches: [
      {
        ...MIXED_COUNTS,
        ...UNTOUCHED,
        status: 'EXPIRED',
        lapsed: 7,
        codes: { ...EXPIRED_MIX, 'EXPIRED, ends by expiry': '4 5 6 7 8 9 10' },
      },
      { ...NEW_BATCH, codes: { 'ACTIVE, ends by expiry': '1 2 3 4 5 6 7 8 9 10' } },
    ],
    audit: [{ action: 'CODES_GENERATED', isOfNext: true, issued_count: 10 }],
    outbox: [{ topic: 'codes-issued', isReplacement: true, isOfNext: true }, { topic: 'batch-changed' }],
    isCopyKept: false,
  },
  {
    title: 'generating after the last code was used leaves the exhausted batch as it is',
    before: async (scene) => {
      await spendAllButOne(scene);
      await verify(scene, 10);
    },
    act: generate,
    batches: [
      {
        ...MIXED_COUNTS,
        ...UNTOUCHED,
        status: 'EXHAUSTED',
        used: 8,
        codes: { ...MIXED, 'USED used, ended by use': '1 4 5 6 7 8 9 10' },
      },
      NEW_BATCH,
    ],
    audit: [{ action: 'CODES_GENERATED', isOfNext: true, issued_count: 10 }],
    outbox: [{ topic: 'codes-issued', isReplacement: false, isOfNext: true }],
    isCopyKept: false,
  },
  {
    title: 'spending marks one code used and counts it',
    act: (scene) => verify(scene, 4),
    answer: 'ACCEPTED',
    batches: [
      {
        ...MIXED_COUNTS,
        ...UNTOUCHED,
        status: 'ACTIVE',
        used: 2,
        codes: { ...MIXED, 'USED used, ended by use': '1 4', ACTIVE: '5 6 7 8 9 10' },
      },
    ],
    audit: [{ action: 'CODE_USED', code: 4, method: 'PASSWORD' }],
    outbox: [{ topic: 'code-used', code: 4, remaining: 6, isSignIn: false }],
    isCopyKept: true,
  },
  {
    title: 'spending before the expiry ends the code by its use, not by the expiry to come',
    expiresInDays: 1,
    act: (scene) => verify(scene, 4),
    answer: 'ACCEPTED',
    batches: [
      {
        ...MIXED_COUNTS,
        status: 'ACTIVE',
        used: 2,
        codes: { ...MIXED, 'USED used, ended by use': '1 4', 'ACTIVE, ends by expiry': '5 6 7 8 9 10' },
      },
    ],
    audit: [{ action: 'CODE_USED', code: 4 }],
    outbox: [{ topic: 'code-used', code: 4, remaining: 6 }],
    isCopyKept: true,
  },
  {
    title: 'spending the last usable code exhausts the batch',
    before: spendAllButOne,
    act: (scene) => verify(scene, 10),
    answer: 'ACCEPTED',
    batches: [
      {
        ...MIXED_COUNTS,
        ...UNTOUCHED,
        status: 'EXHAUSTED',
        used: 8,
        codes: { ...MIXED, 'USED used, ended by use': '1 4 5 6 7 8 9 10' },
      },
    ],
    audit: [{ action: 'CODE_USED', code: 10 }, { action: 'BATCH_EXHAUSTED' }],
    outbox: [{ topic: 'code-used', code: 10, remaining: 0, isSignIn: false }],
    isCopyKept: true,
  },
  {
    title: 'signing in by code spends it for the session that it opens',
    act: async (scene) => {
      const { signIn } = rules.services;
      const { email, origin } = scene.owner;
      return (await signIn.withRecoveryCode(origin, { email, code: scene.code(5) })).remainingCount;
    },
    answer: 6,
    batches: [
      {
        ...MIXED_COUNTS,
        ...UNTOUCHED,
        status: 'ACTIVE',
        used: 2,
        codes: { ...MIXED, 'USED used, ended by use': '1 5', ACTIVE: '4 6 7 8 9 10' },
      },
    ],
    audit: [
      { action: 'CODE_USED', code: 5, method: 'RECOVERY_CODE', isOfNewSession: true },
      { action: 'SIGNED_IN', batch_id: null, method: 'RECOVERY_CODE', isOfNewSession: true },
    ],
    outbox: [{ topic: 'code-used', code: 5, remaining: 6, isSignIn: true }],
    isCopyKept: true,
  },
  {
    title: 'invalidating a code by plaintext leaves siblings and status alone',
    act: (scene) => revoke(scene, { code: scene.code(4) }, 'INVALIDATED'),
    answer: 'DONE',
    batches: [
      {
        ...MIXED_COUNTS,
        ...UNTOUCHED,
        status: 'ACTIVE',
        invalidated: 2,
        codes: { ...MIXED, 'INVALIDATED invalidated, ended by invalidation': '2 4', ACTIVE: '5 6 7 8 9 10' },
      },
    ],
    audit: [{ action: 'CODE_INVALIDATED', code: 4 }],
    outbox: [{ topic: 'code-revoked', code: 4, remaining: 6, ipAddress: '192.0.2.1' }],
    isCopyKept: true,
  },
  {
    title: "an admin invalidates anybody's code by its id",
    act: async (scene) =>
      (
        await rules.services.recoveryCodes.revoke(admin.viewer, admin.origin, {
          codeId: await scene.codeId(4),
          to: 'INVALIDATED',
        })
      ).outcome,
    answer: 'DONE',
    batches: [{ ...MIXED_COUNTS, ...UNTOUCHED, status: 'ACTIVE', invalidated: 2 }],
    audit: [{ action: 'CODE_INVALIDATED', code: 4, isByAdmin: true }],
    outbox: [{ topic: 'code-revoked', code: 4, remaining: 6, ipAddress: null, userAgent: null }],
    isCopyKept: true,
  },
  {
    title: 'deleting a code by its id counts it as removed',
    act: async (scene) => await revoke(scene, { codeId: await scene.codeId(4) }, 'PENDING_DELETION'),
    answer: 'DONE',
    batches: [
      {
        ...MIXED_COUNTS,
        ...UNTOUCHED,
        status: 'ACTIVE',
        removed: 2,
        codes: { ...MIXED, 'PENDING_DELETION deleted, ended by deletion': '3 4', ACTIVE: '5 6 7 8 9 10' },
      },
    ],
    audit: [{ action: 'CODE_DELETED', code: 4 }],
    outbox: [{ topic: 'code-revoked', code: 4, remaining: 6 }],
    isCopyKept: true,
  },
  {
    title: 'invalidating the last usable code exhausts the batch',
    before: spendAllButOne,
    act: (scene) => revoke(scene, { code: scene.code(10) }, 'INVALIDATED'),
    answer: 'DONE',
    batches: [{ ...MIXED_COUNTS, ...UNTOUCHED, status: 'EXHAUSTED', used: 7, invalidated: 2 }],
    audit: [{ action: 'CODE_INVALIDATED', code: 10 }, { action: 'BATCH_EXHAUSTED' }],
    outbox: [{ topic: 'code-revoked', code: 10, remaining: 0 }],
    isCopyKept: true,
  },
  {
    title: 'deleting the batch removes its usable codes and keeps how the others ended',
    act: deleteBatch,
    answer: 'PENDING_DELETION',
    batches: [
      {
        ...MIXED_COUNTS,
        status: 'PENDING_DELETION',
        removed: 8,
        viewed: false,
        deleted: true,
        deleted_by: 'owner',
        codes: {
          'USED used+deleted, ended by use': '1',
          'INVALIDATED invalidated+deleted, ended by invalidation': '2',
          'PENDING_DELETION deleted, ended by deletion': '3 4 5 6 7 8 9 10',
        },
      },
    ],
    audit: [{ action: 'BATCH_MARKED_FOR_DELETION', removed_count: 7 }],
    outbox: [{ topic: 'batch-deleted', removedCount: 7 }],
    isCopyKept: false,
  },
  {
    title: "an admin deletes anybody's batch",
    act: async ({ batch }) =>
      (await rules.services.recoveryCodes.deleteBatch(admin.viewer, admin.origin, batch.id)).status,
    answer: 'PENDING_DELETION',
    batches: [{ status: 'PENDING_DELETION', removed: 8, deleted: true, deleted_by: 'admin' }],
    audit: [{ action: 'BATCH_MARKED_FOR_DELETION', removed_count: 7, isByAdmin: true }],
    outbox: [{ topic: 'batch-deleted', removedCount: 7 }],
    isCopyKept: false,
  },
  {
    title: 'deleting an expired batch stores the expiry of its codes and removes none',
    expiresInDays: 1,
    before: expireNow,
    act: deleteBatch,
    answer: 'PENDING_DELETION',
    batches: [
      {
        ...MIXED_COUNTS,
        status: 'PENDING_DELETION',
        lapsed: 7,
        deleted: true,
        deleted_by: 'owner',
        codes: {
          'USED used+deleted, ends by expiry': '1',
          'INVALIDATED invalidated+deleted, ends by expiry': '2',
          'PENDING_DELETION deleted, ends by expiry': '3',
          'EXPIRED deleted, ends by expiry': '4 5 6 7 8 9 10',
        },
      },
    ],
    audit: [{ action: 'BATCH_MARKED_FOR_DELETION', removed_count: 0 }],
    outbox: [{ topic: 'batch-deleted', removedCount: 0 }],
    isCopyKept: false,
  },
  {
    title: 'deleting a superseded batch keeps its codes superseded',
    before: generate,
    act: deleteBatch,
    answer: 'PENDING_DELETION',
    batches: [
      {
        ...MIXED_COUNTS,
        status: 'PENDING_DELETION',
        lapsed: 7,
        deleted: true,
        deleted_by: 'owner',
        codes: {
          'USED used+deleted, ended by use': '1',
          'INVALIDATED invalidated+deleted, ended by invalidation': '2',
          'PENDING_DELETION deleted, ended by deletion': '3',
          'SUPERSEDED superseded+deleted, ended by superseding': '4 5 6 7 8 9 10',
        },
      },
      NEW_BATCH,
    ],
    audit: [{ action: 'BATCH_MARKED_FOR_DELETION', removed_count: 0 }],
    outbox: [{ topic: 'batch-deleted', removedCount: 0 }],
    isCopyKept: false,
  },
  {
    title: 'deleting a deleted batch changes nothing',
    before: deleteBatch,
    act: deleteBatch,
    answer: 'PENDING_DELETION',
    audit: [],
    outbox: [],
    isCopyKept: false,
  },
  {
    title: 'deleting a purged batch is a conflict',
    before: async (scene) => {
      await deleteBatch(scene);
      await rules.database.rows(
        `update recovery_code_batches set status = 'PURGED', purged_at = now(), purged_count = issued_count where id = $1`,
        [scene.batch.id],
      );
    },
    act: (scene) => outcomeOf(deleteBatch(scene)),
    answer: new ConflictError('').code,
    audit: [],
    outbox: [],
    isCopyKept: false,
  },
  {
    title: 'exporting the codes leaves them as they are',
    act: async (scene) =>
      (await rules.services.copies.export(...as(scene), { batchId: scene.batch.id, format: 'JSON' })).file.name,
    answer: 'recovery_codes.json',
    batches: [{ ...MIXED_COUNTS, ...UNTOUCHED, status: 'ACTIVE' }],
    audit: [{ action: 'CODES_EXPORTED', reason: 'JSON' }],
    outbox: [{ topic: 'batch-changed' }],
    isCopyKept: true,
  },
  {
    title: 'mailing the codes after exporting them wipes the copy',
    before: (scene) => rules.services.copies.export(...as(scene), { batchId: scene.batch.id }),
    act: async (scene) => (await rules.services.copies.email(...as(scene), scene.batch.id)).batch.status,
    answer: 'ACTIVE',
    batches: [{ ...MIXED_COUNTS, ...UNTOUCHED, status: 'ACTIVE' }],
    audit: [{ action: 'CODES_EMAILED' }],
    outbox: [{ topic: 'batch-changed' }],
    isCopyKept: false,
  },
  {
    title: 'marking as viewed sets its time',
    act: markViewed,
    answer: true,
    batches: [{ ...MIXED_COUNTS, status: 'ACTIVE', viewed: true, deleted: false }],
    audit: [{ action: 'CODES_VIEWED' }],
    outbox: [{ topic: 'batch-changed' }],
    isCopyKept: true,
  },
  {
    title: 'marking as viewed once more changes nothing',
    before: markViewed,
    act: markViewed,
    answer: true,
    audit: [],
    outbox: [],
    isCopyKept: true,
  },
  {
    title: 'the set-up test spends nothing',
    act: (scene) => testSetup(scene, scene.code(4)),
    answer: 'VERIFIED',
    audit: [{ action: 'SETUP_VERIFIED' }],
    outbox: [],
    isCopyKept: true,
  },
  {
    title: 'the set-up test, once passed, says so whatever is typed',
    before: (scene) => testSetup(scene, scene.code(4)),
    act: (scene) => testSetup(scene, 'garbage'),
    answer: 'ALREADY_VERIFIED',
    audit: [],
    outbox: [],
    isCopyKept: true,
  },
  ...(['used', 'invalidated', 'deleted'] as const).map((how, index) => ({
    title: `the set-up test fails with a ${how} code and marks nothing`,
    act: (scene: Scene) => testSetup(scene, scene.code(index + 1)),
    answer: 'INVALID_CODE',
    audit: [{ action: 'SETUP_REJECTED', batch_id: null }],
    outbox: [],
    isCopyKept: true,
  })),
  ...(['used', 'invalidated', 'deleted', 'unknown'] as const).map((how, index) => ({
    title: `spending a code that is ${how} is rejected and changes nothing`,
    act: async (scene: Scene) => {
      const code = how === 'unknown' ? 'ABCDEF-ABCDEF' : scene.code(index + 1);
      return await rules.services.recoveryCodes.verify(...as(scene), code);
    },
    answer: { outcome: 'REJECTED', batch: undefined },
    audit: [{ action: 'CODE_REJECTED', batch_id: null }],
    outbox: [],
    isCopyKept: true,
  })),
  ...(
    [
      ['used', 'ALREADY_USED'],
      ['invalidated', 'ALREADY_INVALIDATED'],
      ['deleted', 'ALREADY_DELETED'],
    ] as const
  ).flatMap(([how, answer], index) =>
    (['INVALIDATED', 'PENDING_DELETION'] as const).map((to) => ({
      title: `revoking (${to}) a code that is ${how} says ${answer}, by plaintext and by id, and changes nothing`,
      act: async (scene: Scene) => [
        await revoke(scene, { code: scene.code(index + 1) }, to),
        await revoke(scene, { codeId: await scene.codeId(index + 1) }, to),
      ],
      answer: [answer, answer],
      audit: [],
      outbox: [],
      isCopyKept: true,
    })),
  ),
  {
    title: 'revoking a superseded code says so by id, and does not find it by plaintext',
    before: generate,
    act: async (scene) => [
      await revoke(scene, { codeId: await scene.codeId(7) }, 'INVALIDATED'),
      await revoke(scene, { code: scene.code(7) }, 'PENDING_DELETION'),
    ],
    answer: ['SUPERSEDED', 'NOT_FOUND'],
    audit: [{ action: 'CODE_REJECTED', batch_id: null }],
    outbox: [],
    isCopyKept: false,
  },
];

describe('a transition of recovery codes', () => {
  it('begins with a batch, ten codes, one sealed copy, one audit event and one message', async () => {
    const owner = await makeOwner(rules);
    const batch = await issueCodes(rules, owner, 30);
    const state = await stateOf({ owner, batch } as unknown as Scene);
    expect(state.batches).toEqual([
      { ...NEW_BATCH, id: batch.id, codes: { 'ACTIVE, ends by expiry': '1 2 3 4 5 6 7 8 9 10' } },
    ]);
    expect(state.audit).toEqual([eventOf({ owner, batch } as Scene, { action: 'CODES_GENERATED', issued_count: 10 })]);
    expect(state.outbox).toEqual([
      {
        topic: 'codes-issued',
        payload: {
          accountId: owner.id,
          batchId: batch.id,
          isReplacement: false,
          issuedCount: 10,
          at: expect.any(String),
          ipAddress: '192.0.2.1',
          userAgent: 'Firefox on Linux',
        },
      },
    ]);
    expect(state.copies).toEqual([{ batch_id: batch.id, session_id: owner.viewer.sessionId }]);
  });

  it.each(cases)('$title', async ({ expiresInDays, before, act, answer, batches, audit, outbox, isCopyKept }) => {
    const scene = await makeScene(expiresInDays);
    await before?.(scene);
    const earlier = await stateOf(scene);
    const answered = await act(scene);
    const later = await stateOf(scene);
    if (answer !== undefined) expect(answered).toEqual(answer);

    const names = new Map([
      [scene.owner.id, 'owner'],
      [admin.id, 'admin'],
    ]);
    if (batches === undefined) {
      expect(later.batches).toEqual(earlier.batches);
    } else {
      const named = later.batches.map((each) => ({
        ...each,
        deleted_by: names.get(String((each as Record<string, unknown>)['deleted_by'])) ?? null,
      }));
      expect(named).toEqual(batches.map((expected) => expect.objectContaining(expected)));
    }
    const next = later.batches.at(-1)?.id as string;
    expect(later.audit.slice(earlier.audit.length)).toEqual(
      await Promise.all(audit.map((expected) => expectedEvent(scene, next, expected))),
    );
    expect(later.outbox.slice(earlier.outbox.length)).toEqual(
      await Promise.all(outbox.map((expected) => expectedMessage(scene, next, expected))),
    );
    expect(later.copies.some((copy) => copy.batch_id === scene.batch.id)).toBe(isCopyKept);
  });
});

/** An event of the owner about the batch, unless the particulars say otherwise. */
function eventOf({ owner, batch }: Scene, particulars: Record<string, unknown>): Record<string, unknown> {
  return {
    batch_id: batch.id,
    code_id: null,
    actor_id: owner.id,
    account_id: owner.id,
    session_id: owner.viewer.sessionId,
    method: 'PASSWORD',
    ip_address: '192.0.2.1',
    user_agent: 'Firefox on Linux',
    issued_count: null,
    removed_count: null,
    reason: null,
    count: 1,
    ...particulars,
  };
}

async function expectedEvent(scene: Scene, next: string, expected: Case['audit'][number]) {
  const { code, isOfNext, isOfNewSession, isByAdmin, ...particulars } = expected;
  return eventOf(scene, {
    ...(code === undefined ? {} : { code_id: await scene.codeId(code) }),
    ...(isOfNext === true ? { batch_id: next } : {}),
    ...(isOfNewSession === true ? { session_id: expect.not.stringMatching(scene.owner.viewer.sessionId) } : {}),
    ...(isByAdmin === true ? { actor_id: admin.id, session_id: admin.viewer.sessionId } : {}),
    ...particulars,
  });
}

async function expectedMessage(scene: Scene, next: string, expected: object) {
  const { topic, code, isOfNext, ...particulars } = expected as Record<string, unknown>;
  return {
    topic,
    payload: expect.objectContaining({
      accountId: scene.owner.id,
      batchId: isOfNext === true ? next : scene.batch.id,
      ...(typeof code === 'number' ? { codeId: await scene.codeId(code) } : {}),
      ...particulars,
    }),
  };
}
