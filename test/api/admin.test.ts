import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { issue, makeAccount, PASSWORD, signIn, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { ADMIN_EMAIL, type Answer, startTestApp, type TestApp } from '../support/app.js';
import { from, newAddress } from '../support/client-origin.js';
import { eventually } from '../support/eventually.js';
import { TOGETHER } from '../support/later-app.js';
import { makeScene, signInByCode } from '../support/scene.js';
import { tableChecksums } from '../support/table-checksums.js';

const MAX_ATTEMPTS = 2;
const ADDRESS = newAddress();

let app: TestApp;
let admin: TestAccount;
let byCode: TestAccount;

beforeAll(async () => {
  app = await startTestApp({ ...TOGETHER, MAX_ATTEMPTS: String(MAX_ATTEMPTS) });
  admin = await signInAsAdmin(app);
  const { codes } = await issue(app, admin);
  byCode = await signInByCode(app, ADMIN_EMAIL, codes[0] as string);
});
afterAll(() => app.close());

type Variables = Record<string, unknown>;

const as = ({ token }: TestAccount) => ({ token, headers: from(ADDRESS) });

const account = (by: Variables, viewer = admin): Promise<Answer> =>
  app.post('query($id: ID, $email: String) { account(id: $id, email: $email) { id email role } }', by, as(viewer));

const unlock = (accountId: string, viewer = admin): Promise<Answer> =>
  app.post(
    'mutation($accountId: ID!) { unlockAccount(accountId: $accountId) { id email } }',
    { accountId },
    as(viewer),
  );

const resetSetup = (accountId: string, viewer = admin): Promise<Answer> =>
  app.post(
    'mutation($accountId: ID!) { resetSetup(accountId: $accountId) { id setupVerifiedAt } }',
    { accountId },
    as(viewer),
  );

const revoke = (field: string, selector: Variables, viewer = admin): Promise<Answer> =>
  app.post(
    `mutation($selector: RecoveryCodeSelector!) { ${field}(selector: $selector) {
      outcome batch { account { id } remainingCount invalidatedCount removedCount } } }`,
    { selector },
    as(viewer),
  );

const deleteBatch = (batchId: string, viewer = admin): Promise<Answer> =>
  app.post(
    'mutation($id: ID!) { deleteRecoveryCodeBatch(batchId: $id) { batch { status deletedBy { id } account { id } } } }',
    { id: batchId },
    as(viewer),
  );

/** What the evidence says of these actions about an account, oldest first. */
async function auditRows(accountId: string, ...actions: string[]): Promise<object[]> {
  return await app.database.rows(
    `select action, actor_id as "actorId", session_id as "sessionId", method, ip_address as "ipAddress",
       batch_id as "batchId", code_id as "codeId", removed_count as "removedCount"
     from audit_events where account_id = $1 and action = any($2) order by created_at, id`,
    [accountId, actions],
  );
}

/** What each row says of an admin that acted. */
const byAdmin = () => ({ actorId: admin.id, sessionId: admin.sessionId, method: 'PASSWORD', ipAddress: ADDRESS });

describe('an admin finds an account', () => {
  it('by id, by address in whatever case, and by both where they agree', async () => {
    const { id, email } = await makeAccount(app);
    for (const by of [{ id }, { email }, { email: ` ${email.toUpperCase()} ` }, { id, email }]) {
      expect((await account(by)).data).toEqual({ account: { id, email, role: 'USER' } });
    }
  });

  it('as null where there is none, the two disagree, or nothing is asked for', async () => {
    const [{ id, email }, other] = [await makeAccount(app), await makeAccount(app)];
    const wrong = [{ id: randomUUID() }, { id: 'x' }, { email: 'nobody@example.org' }, { id, email: other.email }, {}];
    for (const by of [...wrong, { id: randomUUID(), email }, { id: null, email: null }, { id, email: '' }]) {
      expect([by, (await account(by)).text]).toEqual([by, '{"data":{"account":null}}\n']);
    }
  });
});

describe('an admin unlocks an account', () => {
  const signIn = (email: string, password: string, headers: Record<string, string>): Promise<Answer> =>
    app.post(
      'mutation($email: String!, $password: String!) { signIn(email: $email, password: $password) { session { id } } }',
      { email, password },
      { headers },
    );
  const verify = (code: string, token: string, headers: Record<string, string>): Promise<Answer> =>
    app.post('mutation($code: String!) { verifyRecoveryCode(code: $code) { outcome } }', { code }, { token, headers });

  it('for both credentials and all addresses at once, but ends no cooldown', async () => {
    const { owner, ...scene } = await makeScene(app, admin);
    const places = [from(), from()];
    for (const headers of places) {
      for (let n = 0; n < MAX_ATTEMPTS; n += 1) {
        await signIn(owner.email, 'wrong', headers);
        await verify('wrong', owner.token, headers);
      }
      expect((await signIn(owner.email, PASSWORD, headers)).code).toBe('RATE_LIMITED');
      expect((await verify(scene.newCode(), owner.token, headers)).code).toBe('RATE_LIMITED');
    }
    const cooldown = '{ me { generateCooldown { isActive retryAt } } }';
    const before = await app.post(cooldown, {}, as(owner));
    expect(before.data['me'].generateCooldown.isActive).toBe(true);
    expect((await unlock(owner.id)).data).toEqual({ unlockAccount: { id: owner.id, email: owner.email } });
    for (const headers of places) {
      expect((await signIn(owner.email, PASSWORD, headers)).errors).toEqual([]);
      expect((await verify(scene.newCode(), owner.token, headers)).data).toEqual({
        verifyRecoveryCode: { outcome: 'ACCEPTED' },
      });
    }
    expect((await app.post(cooldown, {}, as(owner))).data).toEqual(before.data);
    expect(await auditRows(owner.id, 'ACCOUNT_UNLOCKED')).toMatchObject([byAdmin()]);
    const mails = await app.mails(owner.email, 7);
    expect(mails.filter(({ subject }) => /unlocked/i.test(subject))).toHaveLength(1);
  });

  it('and is told NOT_FOUND of one that is not there', async () => {
    for (const id of [randomUUID(), 'x', '']) {
      expect([id, (await unlock(id)).code, (await resetSetup(id)).code]).toEqual([id, 'NOT_FOUND', 'NOT_FOUND']);
    }
  });
});

describe('an admin resets the set-up', () => {
  it('so that the account may prove its codes once more', async () => {
    const { owner, ...scene } = await makeScene(app, admin);
    const test = async () => {
      const query = 'mutation($code: String!) { testRecoveryCode(code: $code) { outcome } }';
      return (await app.post(query, { code: scene.newCode() }, as(owner))).data['testRecoveryCode'].outcome;
    };
    expect([await test(), await test()]).toEqual(['VERIFIED', 'ALREADY_VERIFIED']);
    expect((await resetSetup(owner.id)).data).toEqual({ resetSetup: { id: owner.id, setupVerifiedAt: null } });
    expect([await test(), await test()]).toEqual(['VERIFIED', 'ALREADY_VERIFIED']);
    expect(await auditRows(owner.id, 'SETUP_VERIFIED', 'SETUP_RESET')).toMatchObject([
      { action: 'SETUP_VERIFIED', actorId: owner.id },
      { action: 'SETUP_RESET', ...byAdmin() },
      { action: 'SETUP_VERIFIED', actorId: owner.id },
    ]);
  });
});

describe("an admin revokes another's code", () => {
  it('by its id', async () => {
    const scene = await makeScene(app, admin);
    const [first, second] = [scene.newCodeId(), scene.newCodeId()];
    const { id } = scene.owner;
    expect((await revoke('invalidateRecoveryCode', { codeId: first })).data['invalidateRecoveryCode']).toEqual({
      outcome: 'DONE',
      batch: { account: { id }, remainingCount: 9, invalidatedCount: 1, removedCount: 0 },
    });
    expect((await revoke('deleteRecoveryCode', { codeId: second })).data['deleteRecoveryCode']).toEqual({
      outcome: 'DONE',
      batch: { account: { id }, remainingCount: 8, invalidatedCount: 1, removedCount: 1 },
    });
    const again = await revoke('deleteRecoveryCode', { codeId: first });
    expect(again.data['deleteRecoveryCode'].outcome).toBe('ALREADY_INVALIDATED');
    expect(await auditRows(id, 'CODE_INVALIDATED', 'CODE_DELETED')).toEqual([
      { action: 'CODE_INVALIDATED', ...byAdmin(), batchId: scene.active.id, codeId: first, removedCount: null },
      { action: 'CODE_DELETED', ...byAdmin(), batchId: scene.active.id, codeId: second, removedCount: null },
    ]);
  });

  it('not by its plaintext, which is looked up among his own', async () => {
    const scene = await makeScene(app, admin);
    const code = scene.newCode();
    const before = await tableChecksums(app.database);
    const { data } = await revoke('invalidateRecoveryCode', { code });
    expect(data['invalidateRecoveryCode']).toEqual({ outcome: 'NOT_FOUND', batch: null });
    expect(await tableChecksums(app.database)).toEqual(before);
    expect((await revoke('invalidateRecoveryCode', { code }, scene.owner)).data['invalidateRecoveryCode'].outcome).toBe(
      'DONE',
    );
  });
});

describe("an admin deletes another's batch", () => {
  it('once, and the owner is told that it is so, but not by whom', async () => {
    const { owner, active } = await makeScene(app, admin);
    const deleted = { status: 'PENDING_DELETION', account: { id: owner.id } };
    for (let n = 0; n < 2; n += 1) {
      const { data } = await deleteBatch(active.id);
      expect(data['deleteRecoveryCodeBatch'].batch).toEqual({ ...deleted, deletedBy: { id: admin.id } });
    }
    const { data } = await deleteBatch(active.id, owner);
    expect(data['deleteRecoveryCodeBatch'].batch).toEqual({ ...deleted, deletedBy: null });
    const rows = (await auditRows(owner.id, 'BATCH_MARKED_FOR_DELETION')).filter(
      (row: any) => row.batchId === active.id,
    );
    expect(rows).toMatchObject([{ ...byAdmin(), removedCount: 10 }]);
    const [stored] = await app.database.rows('select deleted_by from recovery_code_batches where id = $1', [active.id]);
    expect(stored).toEqual({ deleted_by: admin.id });
  });

  it('and is told NOT_FOUND of one that is not there', async () => {
    for (const id of [randomUUID(), 'x', '']) expect([id, (await deleteBatch(id)).code]).toEqual([id, 'NOT_FOUND']);
  });
});

describe('an admin in a session opened by recovery code', () => {
  it('is nobody in particular: FORBIDDEN, NOT_FOUND, and nothing changed', async () => {
    const scene = await makeScene(app, admin);
    const { id, email } = scene.owner;
    const before = await tableChecksums(app.database);
    const answers = [await account({ id }, byCode), await account({ email }, byCode), await unlock(id, byCode)];
    for (const { code } of [...answers, await resetSetup(id, byCode)]) expect(code).toBe('FORBIDDEN');
    expect((await deleteBatch(scene.active.id, byCode)).code).toBe('NOT_FOUND');
    for (const field of ['invalidateRecoveryCode', 'deleteRecoveryCode']) {
      const { data } = await revoke(field, { codeId: scene.newCodeId() }, byCode);
      expect(data[field]).toEqual({ outcome: 'NOT_FOUND', batch: null });
    }
    expect(await tableChecksums(app.database)).toEqual(before);
  });

  it('stays so when it is refreshed, as one opened by password stays an admin', async () => {
    const refresh = async ({ refreshToken }: TestAccount): Promise<TestAccount> => {
      const query = 'mutation($t: String!) { refreshSession(refreshToken: $t) { accessToken session { method } } }';
      const { data } = await app.post(query, { t: refreshToken });
      return { ...admin, token: data['refreshSession'].accessToken };
    };
    const { id } = await makeAccount(app);
    expect((await account({ id }, await refresh(byCode))).code).toBe('FORBIDDEN');
    expect((await account({ id }, await refresh(await signInAsAdmin(app)))).data['account'].id).toBe(id);
  });
});

describe('the role', () => {
  it('is the account’s and not the token’s: what is lost is lost within five seconds', async () => {
    const me = await makeAccount(app);
    const role = (name: string) => app.database.rows('update accounts set role = $1 where id = $2', [name, me.id]);
    await role('ADMIN');
    expect((await account({ id: admin.id }, me)).data['account'].id).toBe(admin.id);
    await role('USER');
    await eventually(async () => (await account({ id: admin.id }, me)).code === 'FORBIDDEN');
    expect((await account({ id: admin.id }, await signIn(app, me.email, PASSWORD))).code).toBe('FORBIDDEN');
  });
});
